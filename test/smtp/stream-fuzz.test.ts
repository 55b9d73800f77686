/**
 * Malformed command streams, the same ones cut in every way: what is answered does not depend on the cutting, comes in order,
 * is well worded, and the process lives. Seeded, so that a failure can be repeated.
 */
import { describe, expect, it } from 'vitest';
import type { Mailbox } from '../../src/core/address.ts';
import { bareVerdict } from '../../src/core/verdict.ts';
import { connectedClient } from '../../src/smtp/client.ts';
import { LineParser } from '../../src/smtp/line-parser.ts';
import { REPLY, type Reply, replyWire, withReference } from '../../src/smtp/reply.ts';
import { Session, type SessionEdge } from '../../src/smtp/session.ts';
import { OPTIONS, openRelaying, Recorder, verdictFor } from './gateway.ts';
import { expectWellWorded, repliesOf } from './replies.ts';
import { ScriptedHop } from './scripted-hop.ts';
import { below, pieces, seeded } from './seeded.ts';

const LINES = [
  'EHLO c.example',
  'HELO c.example',
  'MAIL FROM:<s@x.example>',
  'MAIL FROM:<s@x.example> SIZE=10 BODY=8BITMIME SMTPUTF8',
  'MAIL FROM:<> RET=HDRS ENVID=1',
  'MAIL FROM:<bad',
  'RCPT TO:<known@b.example>',
  'RCPT TO:<nobody@b.example>',
  'RCPT TO:<later@b.example>',
  'RCPT TO:<crash@b.example>',
  'RCPT TO:<known@b.example> NOTIFY=NEVER',
  'RCPT TO:<"a b"@b.example>',
  'RSET',
  'NOOP',
  'VRFY x',
  'EXPN x',
  'HELP',
  'AUTH PLAIN AA==',
  'BDAT 10 LAST',
  'XCLIENT ADDR=192.0.2.1',
  'STARTTLS',
  'PROXY TCP4 192.0.2.7 10.0.0.1 1 25',
  'WIZ',
  '',
  ' ',
  'x'.repeat(1500),
];
const NOISE = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\n\r',
  '\xff',
  '\x80',
  ' ',
  '<',
  '>',
  '.',
  '\r\n.\r\n',
  '\x16\x03\x01',
  ':',
];

/** A stream of commands, some of them broken. */
function stream(chance: () => number, extra: readonly string[] = []): Buffer {
  const lines = [...LINES, ...extra];
  const parts = Array.from({ length: 1 + below(chance, 30) }, () => {
    const line = lines[below(chance, lines.length)] ?? '';
    if (chance() < 0.75) return `${line}\r\n`;
    const at = below(chance, line.length + 1);
    const noise = NOISE[below(chance, NOISE.length)] ?? '';
    return `${line.slice(0, at)}${noise}${line.slice(chance() < 0.5 ? at : at + 1)}${chance() < 0.8 ? '\r\n' : '\n'}`;
  });
  return Buffer.from(`EHLO c.example\r\n${parts.join('')}`, 'latin1');
}

/** `later` is looked up and answered in a later turn. */
function edge(events: Recorder): SessionEdge {
  return {
    check: (mailbox) => verdictFor(mailbox, null),
    lookup: (mailbox: Mailbox, verdict) => {
      if (mailbox.local !== 'later') return verdict;
      return new Promise((resolve) => setImmediate(() => resolve(bareVerdict('live-lookup', mailbox.key))));
    },
    relay: null,
    harvest: null,
    nextHops: () => [],
    reference: () => '7F3K2Q',
    events,
  };
}

/** Everything a session without sockets says to `chunks`. */
async function conversation(chunks: readonly Buffer[]): Promise<string> {
  let said = '';
  let closed = false;
  const identity = connectedClient({ address: '192.0.2.1', port: 1 }, null);
  const wire = {
    id: 'fuzz',
    identity,
    trusted: false,
    mayClaim: false,
    claim: () => true,
    tls: () => null,
    tlsClient: () => null,
    reply: (reply: Reply) => {
      if (!closed) said += replyWire(reply);
      if (reply.code === 421) closed = true;
    },
    turnAway: (reply: Reply) => wire.reply(withReference(reply, '7F3K2Q')),
    close: () => {
      closed = true;
    },
    startTls: () => undefined,
    receive: () => undefined,
  };
  const settings = { ...OPTIONS, startTls: false };
  const session = new Session(
    settings,
    edge(new Recorder()),
    wire as ConstructorParameters<typeof Session>[2],
  );
  const parser = new LineParser({
    command: (line, done) => (closed ? done() : session.command(line, done)),
    endless: () => {
      wire.turnAway(REPLY.tooManyErrors);
      parser.close();
    },
  });
  for (const chunk of chunks) await new Promise<void>((resolve) => parser.read(chunk, resolve));
  await new Promise((resolve) => session.mail.settled(() => resolve(null)));
  return said;
}

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
    bytes.subarray(n * size, (n + 1) * size),
  );
}

describe('a stream of commands', () => {
  it('is answered the same however it is cut', async () => {
    let refusals = 0;
    for (let seed = 1; seed <= 400; seed += 1) {
      const chance = seeded(seed);
      const bytes = stream(chance);
      const whole = await conversation([bytes]);
      for (const size of [1, 2, 3, 7, 64]) {
        expect(await conversation(cut(bytes, size)), `seed ${seed}, ${size} bytes`).toBe(whole);
      }
      const random = pieces(bytes, chance, 20);
      expect(await conversation(random), `seed ${seed}, random`).toBe(whole);
      const replies = repliesOf(whole);
      expectWellWorded(replies);
      refusals += replies.filter((reply) => reply.startsWith('5')).length;
      // One reply for each line that ends in CR LF, and none for what has no end.
      const lines = bytes.toString('latin1').split('\r\n').length - 1;
      const last = replies.at(-1) ?? '';
      if (!last.startsWith('421')) expect(replies.length, `seed ${seed}`).toBeLessThanOrEqual(lines + 1);
    }
    expect(refusals).toBeGreaterThan(500);
  });

  it('gets its answers in order, those that come later too', async () => {
    const names = ['known1', 'later', 'nobody', 'later', 'known2', 'crash', 'later'];
    const batch = `EHLO c\r\nMAIL FROM:<>\r\n${names.map((name) => `RCPT TO:<${name}@b.example>\r\n`).join('')}NOOP\r\n`;
    for (const size of [1, 2, 5, 1000]) {
      const replies = repliesOf(await conversation(cut(Buffer.from(batch), size)));
      expect(replies.slice(1).map((reply) => reply.slice(0, 9))).toEqual([
        '250 2.1.0',
        '250 2.1.5',
        '250 2.1.5',
        '550 5.1.1',
        '250 2.1.5',
        '250 2.1.5',
        '451 4.3.0',
        '250 2.1.5',
        '250 2.0.0',
      ]);
    }
  });
});

describe('through sockets, with messages and a next hop', () => {
  it('150 random streams: every one ends, nothing crashes, memory stays, mail is whole', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name, { commandTimeout: 2000, dataTimeout: 2000 });
    const extra = [
      'DATA',
      'RCPT TO:<known1@b.example>\r\nDATA\r\nSubject: x\r\n\r\n..dots\r\n.',
      'MAIL FROM:<>\r\nRCPT TO:<known1@b.example>\r\nDATA\r\nwhole\r\n.',
      'QUIT',
    ];
    const before = process.memoryUsage();
    for (let seed = 1; seed <= 150; seed += 1) {
      const chance = seeded(1000 + seed);
      const client = await gateway.dialog();
      for (const piece of pieces(stream(chance, extra), chance, 1 + below(chance, 200)))
        await client.push(piece);
      if (chance() < 0.2) {
        client.vanish();
        continue;
      }
      client.finish();
      await client.rest();
      expectWellWorded(repliesOf(client.transcript));
      client.close();
    }
    for (const { wire } of hop.delivered) {
      const text = wire.toString('latin1');
      expect(text).toMatch(/^Received: from /);
      expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    }
    expect(hop.delivered.length).toBeGreaterThan(10);
    const grown = process.memoryUsage();
    expect(grown.heapUsed + grown.external - before.heapUsed - before.external).toBeLessThan(60_000_000);
    expect(
      gateway.events.troubles.filter(({ stage }) => stage === 'session' || stage === 'listener'),
    ).toEqual([]);
    const after = await gateway.greeted();
    expect(await after.ask('NOOP')).toMatch(/^250/);
  });
});
