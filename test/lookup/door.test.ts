/** A real door on loopback: order, pipelining, half-closed clients, limits, idle time, the socket file, stopping. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, statSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { bareVerdict } from '../../src/core/verdict.ts';
import type { Answer, Ask } from '../../src/lookup/answer.ts';
import { type DoorOptions, type DoorTrouble, openDoor } from '../../src/lookup/door.ts';

const known: Answer = {
  verdict: bareVerdict('known'),
  wording: { code: 250, enhanced: '2.1.5', text: 'Recipient OK' },
};
const unknown: Answer = {
  verdict: bareVerdict('unknown'),
  wording: { code: 550, enhanced: '5.1.1', text: 'No such recipient here [ref 7F3K2Q]' },
};

const ask: Ask = ({ recipient }) => (recipient.startsWith('alice') ? known : unknown);

async function door(options: Partial<DoorOptions> = {}, asked: Ask = ask) {
  const troubles: DoorTrouble[] = [];
  const whole: DoorOptions = {
    protocol: 'socketmap',
    address: { host: '127.0.0.1', port: 0 },
    maxConnections: 10,
    idle: 60_000,
    ...options,
  };
  const opened = await openDoor(whole, asked, (trouble) => troubles.push(trouble));
  return { opened, troubles, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}

function connect(address: string): net.Socket {
  if (address.startsWith('unix:')) return net.connect(address.slice(5));
  const [host = '', port = ''] = address.split(':');
  return net.connect(Number(port), host);
}

/** Sends, half-closes, and reads to the end. */
async function exchange(address: string, wire: string): Promise<string> {
  const socket = connect(address);
  socket.end(wire);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

const lookup = (key: string): string => {
  const request = `recipients ${key}`;
  return `${Buffer.byteLength(request)}:${request},`;
};

describe('a door', () => {
  it('answers a pipeline in order, also to a client that has stopped sending', async () => {
    await using one = await door();
    const reply = await exchange(one.opened.address(), lookup('alice@c.example') + lookup('bob@c.example'));
    expect(reply).toBe('8:OK known,9:NOTFOUND ,');
  });

  it('keeps the order when the first answer takes time', async () => {
    let release: (answer: Answer) => void = () => undefined;
    const slow = new Promise<Answer>((resolve) => {
      release = resolve;
    });
    await using one = await door({}, (question, protocol) =>
      question.recipient.startsWith('slow') ? slow : ask(question, protocol),
    );
    const reply = exchange(
      one.opened.address(),
      lookup('alice@c.example') +
        lookup('slow@c.example') +
        lookup('alice@c.example') +
        lookup('bob@c.example'),
    );
    release(unknown);
    expect(await reply).toBe('8:OK known,9:NOTFOUND ,8:OK known,9:NOTFOUND ,');
  });

  it('answers ten thousand requests on one connection', async () => {
    await using one = await door();
    const reply = await exchange(one.opened.address(), lookup('alice@c.example').repeat(10_000));
    expect(reply).toBe('8:OK known,'.repeat(10_000));
  });

  it('speaks policy delegation', async () => {
    await using one = await door({ protocol: 'policy' });
    const request = 'request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=bob@c.example\n\n';
    expect(await exchange(one.opened.address(), request)).toBe(
      'action=REJECT 5.1.1 No such recipient here [ref 7F3K2Q]\n\n',
    );
  });

  it('closes a connection that speaks something else, and says so', async () => {
    await using one = await door();
    const socket = connect(one.opened.address());
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await once(socket, 'close');
    expect(one.troubles).toEqual([
      { door: 'socketmap', stage: 'protocol', error: 'a length is not a number' },
    ]);
  });

  it('closes an idle connection', async () => {
    await using one = await door({ idle: 50 });
    const socket = connect(one.opened.address());
    socket.on('error', () => undefined);
    socket.write('5:hal');
    const [withError] = await once(socket.resume(), 'close');
    expect([withError, one.troubles]).toEqual([false, []]);
  });

  it('takes only so many connections', async () => {
    await using one = await door({ maxConnections: 1 });
    const first = connect(one.opened.address());
    first.write(lookup('alice@c.example'));
    await once(first, 'data');
    const second = connect(one.opened.address());
    second.on('error', () => undefined);
    await once(second.resume(), 'close');
    expect(one.troubles.map(({ stage }) => stage)).toEqual(['connections']);
    first.write(lookup('bob@c.example'));
    const [reply] = (await once(first, 'data')) as [Buffer];
    expect(reply.toString()).toBe('9:NOTFOUND ,');
    first.destroy();
  });

  it('is a socket file with the mode it was given, and replaces one that was left behind', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-door-'));
    const file = path.join(folder, 'socketmap');
    const left = net.createServer().listen(file);
    await once(left, 'listening');
    await using one = await door({ address: { path: file, mode: 0o666 } });
    expect(statSync(file).mode & 0o777).toBe(0o666);
    expect(await exchange(one.opened.address(), lookup('alice@c.example'))).toBe('8:OK known,');
    await one.opened.close(0);
    expect(existsSync(file)).toBe(false);
    left.close();
  });

  it('answers what was asked before it stops', async () => {
    let release: (answer: Answer) => void = () => undefined;
    let waiting: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      waiting = resolve;
    });
    await using one = await door({}, () => {
      waiting();
      return new Promise((resolve) => {
        release = resolve;
      });
    });
    const socket = connect(one.opened.address());
    socket.write(lookup('alice@c.example'));
    await asked;
    const closed = one.opened.close(5_000);
    release(known);
    const [reply] = (await once(socket, 'data')) as [Buffer];
    expect(reply.toString()).toBe('8:OK known,');
    await closed;
  });
});
