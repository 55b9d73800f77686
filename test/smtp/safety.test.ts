/** The safety matrix: what attackers send, and what they are told. Each row is a dialog with a listener. */
import net from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { REPLY } from '../../src/smtp/reply.ts';
import { openGateway, openRelaying } from './gateway.ts';
import { repliesOf } from './replies.ts';
import { ScriptedHop } from './scripted-hop.ts';

const ENDS = ['\n.\n', '\r\n.\n', '\n.\r\n', '\r.\r', '\r\n.\r', '\r.\r\n', '\n.\r', '\r.\n', '\n..\r\n'];
const ATTACK = 'MAIL FROM:<evil@x.example>\r\nRCPT TO:<victim@b.example>\r\nDATA\r\nevil\r\n';

describe('smuggling', () => {
  it.each(ENDS)('behind %j is refused where bare newlines are, and nothing is delivered', async (end) => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name, { bareNewlines: 'reject' })).greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    expect(await client.ask(`Subject: x\r\n\r\nhello${end}${ATTACK}.`)).toMatch(/^550 5\.6\.11 .*\[ref/);
    expect(await client.ask('NOOP')).toMatch(/^250/);
    expect(hop.delivered).toEqual([]);
  });

  it.each(ENDS)('behind %j is part of the first message where they are normalised', async (end) => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    expect(await client.ask(`hello${end}${ATTACK}.`)).toMatch(/^250/);
    expect(await client.ask('NOOP')).toMatch(/^250/);
    expect(hop.delivered).toHaveLength(1);
    const wire = hop.delivered[0]?.wire.toString('latin1') ?? '';
    expect(wire).toContain('evil');
    expect(wire.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    // Every dot that begins a line is stuffed: no reader finds an end in it.
    expect(wire).not.toMatch(/\r\n\.(?!\.)/);
  });

  it.each([
    'MAIL FROM:<a@b.example>\nRCPT TO:<known@b.example>',
    'MAIL FROM:<a@b.example>\n\nRCPT TO:<known@b.example>\n',
    'MAIL FROM:<a@b.example>\rRCPT TO:<known@b.example>',
    'MAIL FROM:<a@b.example>\n\r\rRCPT TO:<known@b.example>',
    `${'x'.repeat(2000)}\nRCPT TO:<known@b.example>`,
    'NOOP\0RSET',
    'NOOP\u000bRSET',
    'NOOP \x7f',
    '\x80NOOP',
    'NO\x80P',
  ])('of a second command in %j is refused with one reply', async (line) => {
    const gateway = await openGateway();
    const client = await gateway.greeted();
    client.send(Buffer.from(`${line}\r\nRSET\r\n`, 'latin1'));
    expect(await client.reply()).toMatch(/^500 5\.5\.[12]/);
    expect(await client.reply()).toMatch(/^250 2\.0\.0 Reset/);
    expect(gateway.events.recipients).toEqual([]);
  });
});

describe('8-bit bytes and NUL', () => {
  it.each([
    ['HELO \xfc.example', /^250/],
    ['HELO a\0b', /^500 5\.5\.2/],
    ['MAIL FROM:<\xfc@b.example>', /^501 5\.5\.4/],
    ['MAIL FROM:<\xc3\xbc@b.example>', /^553 5\.6\.7/],
    ['MAIL FROM:<\xc0\xaf@b.example> SMTPUTF8', /^501 5\.5\.4/],
    ['MAIL FROM:<\xed\xa0\x80@b.example> SMTPUTF8', /^501 5\.5\.4/],
    ['MAIL FROM:<a@b.example> BODY=\xfc', /^501 5\.5\.4/],
    ['MAIL FROM:<a\0@b.example>', /^500 5\.5\.2/],
    ['VRFY \xfc', /^252 2\.5\.0/],
  ])('in %j', async (line, reply) => {
    const client = await (await openGateway()).greeted();
    expect(await client.ask(Buffer.from(line, 'latin1'))).toMatch(reply);
  });
});

describe('routes in an address', () => {
  it.each([
    ['@evil.example:known@b.example', '250 2.1.5', 'known@b.example'],
    ['@a.example,@b.example:nobody@b.example', '550 5.1.1', 'nobody@b.example'],
    ['nobody%evil.example@b.example', '550 5.1.1', 'nobody%evil.example@b.example'],
    ['evil.example!nobody@b.example', '550 5.1.1', 'evil.example!nobody@b.example'],
    ['known@b.example@evil.example', '501 5.1.3', null],
    ['"nobody@evil.example"@b.example', '550 5.1.1', 'nobody@evil.example@b.example'],
    ['@evil.example', '501 5.1.3', null],
    ['known@[127.0.0.1]', '250 2.1.5', 'known@[127.0.0.1]'],
  ])('<%s> is %s', async (path, reply, key) => {
    const gateway = await openGateway();
    const client = await gateway.greeted();
    await client.ask('MAIL FROM:<>');
    expect(await client.ask(`RCPT TO:<${path}>`)).toMatch(new RegExp(`^${reply.replaceAll('.', '\\.')} `));
    expect(gateway.events.recipients[0]?.verdict.key).toBe(key);
  });

  it('never reaches the next hop', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    await client.askAll('MAIL FROM:<@x.example:s@x.example>', 'RCPT TO:<@evil.example:known@b.example>');
    expect(hop.commands.filter((line) => /^(?:MAIL|RCPT)/.test(line))).toEqual([
      'MAIL FROM:<s@x.example>',
      'RCPT TO:<known@b.example>',
    ]);
  });
});

describe('SIZE that is not true', () => {
  it('too small: the message counts, and passes as a whole', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    await client.askAll('MAIL FROM:<> SIZE=10', 'RCPT TO:<known@b.example>', 'DATA');
    expect(await client.ask(`${'x'.repeat(900)}\r\n`.repeat(200).concat('.'))).toMatch(/^250/);
    expect(hop.delivered[0]?.wire.length).toBeGreaterThan(180_000);
  });

  it('and larger than we take: 552, and the next hop has nothing', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name, { maxMessageSize: 1000 })).greeted();
    await client.askAll('MAIL FROM:<> SIZE=10', 'RCPT TO:<known@b.example>', 'DATA');
    expect(await client.ask(`${'x'.repeat(900)}\r\n`.repeat(2).concat('.'))).toMatch(/^552 5\.3\.4 .*\[ref/);
    expect(await client.ask('MAIL FROM:<> SIZE=1001')).toMatch(/^552 5\.3\.4/);
    expect(hop.delivered).toEqual([]);
  });

  it('far beyond: the connection is closed', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name, { maxMessageSize: 1000 })).greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known@b.example>', 'DATA');
    const block = Buffer.from(`${'x'.repeat(998)}\r\n`.repeat(60));
    for (let index = 0; index < 100; index += 1) await client.push(block);
    expect(await client.reply()).toMatch(/^552 5\.3\.4/);
    expect(await client.rest()).toBe('');
    expect(hop.delivered).toEqual([]);
  });
});

describe('slow attackers', () => {
  it('a message in drips is cut, however often a byte arrives', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name, { dataTimeout: 250 });
    const client = await gateway.greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known@b.example>', 'DATA');
    const drip = setInterval(() => client.send('x'), 20);
    expect(await client.reply()).toMatch(/^421 4\.4\.2 Timeout/);
    clearInterval(drip);
    expect(hop.delivered).toEqual([]);
    await gateway.events.until(() => gateway.events.failed.length > 0);
    expect(gateway.events.failed).toMatchObject([{ result: 'aborted' }]);
  });

  it('a slow message that makes progress is not', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name, { dataTimeout: 1000 })).greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known@b.example>', 'DATA');
    const started = performance.now();
    for (let index = 0; index < 5; index += 1) {
      client.send(`${'x'.repeat(998)}\r\n`.repeat(17));
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    expect(await client.ask('.')).toMatch(/^250/);
    expect(performance.now() - started).toBeGreaterThan(1000);
  });

  it('has its time for commands again behind a message', async () => {
    const hop = await ScriptedHop.start();
    const client = await (
      await openRelaying(hop.name, { dataTimeout: 500, commandTimeout: 10_000 })
    ).greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known@b.example>', 'DATA', 'x\r\n.');
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(await client.ask('NOOP')).toMatch(/^250/);
  });
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that are really held. */
function held(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('memory', () => {
  it('a line without end is held for its first thousand bytes, and not for long', async () => {
    const gateway = await openGateway({ maxConnections: 300 });
    const clients = [];
    const before = held();
    for (let index = 0; index < 200; index += 1) {
      const client = await gateway.dialog();
      clients.push(client);
      await client.push(Buffer.alloc(60_000, 0x61));
    }
    // Two ends of 200 connections, and none of their 12 MB once they were read.
    await expect.poll(() => held() - before, { timeout: 10_000 }).toBeLessThan(200 * 30_000);
    for (const client of clients) {
      client.send('x'.repeat(10_000));
      expect(await client.reply()).toMatch(/^421 4\.7\.0/);
    }
    expect(gateway.events.refusals).toHaveLength(200);
  });

  it('20,000 recipients in one transaction: the first are taken, the rest are told to wait', async () => {
    const gateway = await openGateway({ maxRecipients: 100 });
    const client = await gateway.greeted();
    const before = held();
    const batch = Array.from({ length: 20_000 }, (_, n) => `RCPT TO:<known${n}@b.example>\r\n`).join('');
    client.send(`MAIL FROM:<>\r\n${batch}RSET\r\n`);
    const codes = new Map<string, number>();
    await client.reply();
    for (let index = 0; index < 20_000; index += 1) {
      const code = (await client.reply()).slice(0, 9);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    expect(await client.reply()).toMatch(/^250 2\.0\.0 Reset/);
    expect([...codes]).toEqual([
      ['250 2.1.5', 100],
      ['452 4.5.3', 19_900],
    ]);
    // The test's own record of 20,000 answers is most of it.
    expect(held() - before).toBeLessThan(60_000_000);
  });

  it('a client that never reads is not answered without end', async () => {
    const gateway = await openGateway();
    const client = await gateway.greeted();
    client.pause();
    const before = held();
    const block = Buffer.from('NOOP\r\n'.repeat(10_000));
    let written = 0;
    const pump = (async () => {
      for (; written < 200; written += 1) await client.push(block);
    })();
    await new Promise<void>((resolve) => {
      let last = -1;
      const look = setInterval(() => {
        if (written === last) {
          clearInterval(look);
          resolve();
        }
        last = written;
      }, 100);
    });
    expect(written).toBeLessThan(200);
    expect(held() - before).toBeLessThan(10_000_000);
    client.close();
    await pump;
  });
});

describe('replies', () => {
  it('of a pipelined batch leave in one write', async () => {
    const gateway = await openGateway();
    const client = await gateway.greeted();
    const { port } = gateway;
    const writes: string[] = [];
    const { write } = net.Socket.prototype;
    net.Socket.prototype.write = function (this: net.Socket, ...args: unknown[]): boolean {
      if (this.localPort === port) writes.push(String(args[0]));
      return Reflect.apply(write, this, args) as boolean;
    } as typeof write;
    try {
      const names = Array.from({ length: 48 }, (_, n) => `${n % 2 ? 'known' : 'nobody'}${n}`);
      client.send(
        `MAIL FROM:<>\r\n${names.map((name) => `RCPT TO:<${name}@b.example>\r\n`).join('')}RSET\r\n`,
      );
      for (let index = 0; index < 50; index += 1) await client.reply();
      expect(writes.map((text) => repliesOf(text).length)).toEqual([50]);
    } finally {
      net.Socket.prototype.write = write;
    }
  });

  it('of a batch longer than a turn do not wait for the client to acknowledge those before', async () => {
    const client = await (await openGateway()).greeted();
    const batch = `MAIL FROM:<>\r\n${'RCPT TO:<known1@b.example>\r\n'.repeat(100)}RSET\r\n`;
    const times: number[] = [];
    for (let turn = 0; turn < 20; turn += 1) {
      const began = performance.now();
      client.send(batch);
      for (let index = 0; index < 102; index += 1) await client.reply();
      times.push(performance.now() - began);
    }
    // A delayed acknowledgement takes 40 ms; the kernel spares the first packets of a connection.
    expect(Math.min(...times.slice(10))).toBeLessThan(30);
  });

  it('all have an enhanced code, but the greeting, EHLO and 354', () => {
    for (const [name, reply] of Object.entries(REPLY)) {
      const [first] = String(reply.code);
      if (reply.code === 354) expect(reply.enhanced, name).toBeNull();
      else expect(reply.enhanced, name).toMatch(new RegExp(`^${first}\\.\\d+\\.\\d+$`));
    }
  });
});
