/** The message from wire to wire: framing, stuffing and bare newlines, against a slow reference. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DataScanner } from '../../src/smtp/data-scanner.ts';
import { MAX_RECEIVED, ReceivedCounter } from '../../src/smtp/hop-count.ts';
import { openRelaying } from './gateway.ts';
import { ScriptedHop } from './scripted-hop.ts';
import { below, pieces, seeded } from './seeded.ts';

/** RFC 5321 section 4.5.2 word for word, on a string: null while the message has not ended. */
function referenceDecode(wire: string): { content: string; rest: string } | null {
  const text = `\r\n${wire}`;
  const end = text.indexOf('\r\n.\r\n');
  if (end < 0) return null;
  return {
    content: text
      .slice(0, end + 2)
      .replaceAll('\r\n.', '\r\n')
      .slice(2),
    rest: text.slice(end + 5),
  };
}

interface Passed {
  readonly wire: string;
  readonly rest: string;
  readonly bare: number;
  readonly bytes: number;
}

/** What arrives at the next hop, final dot included; null while the message has not ended. */
function passAll(chunks: readonly Buffer[]): Passed | null {
  const scanner = new DataScanner();
  let wire = '';
  for (const [index, chunk] of chunks.entries()) {
    const scanned = scanner.scan(chunk);
    wire += Buffer.concat(scanned.wire).toString('latin1');
    if (scanned.rest) {
      const rest = Buffer.concat([scanned.rest, ...chunks.slice(index + 1)]).toString('latin1');
      return { wire: `${wire}.\r\n`, rest, bare: scanner.bareNewlines, bytes: scanner.bytes };
    }
  }
  return null;
}

function referenceEncode(content: string): string {
  const lines = content.replace(/\r\n|\r|\n/g, '\r\n');
  const closed = lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`;
  return `${`\r\n${closed}`.replaceAll('\r\n.', '\r\n..').slice(2)}.\r\n`;
}

const ALPHABET = ['\r', '\n', '.', '\r\n', '\r\n.', '\r\n.\r\n', 'a', '\xff', '\0'];

describe('the scanner', () => {
  it.each([
    ['.\r\n', '.\r\n', '', 0],
    ['.\r\nMAIL', '.\r\n', 'MAIL', 0],
    ['a\r\n.\r\n', 'a\r\n.\r\n', '', 0],
    ['..\r\n.\r\n', '..\r\n.\r\n', '', 0],
    ['.a\r\n..b\r\n...\r\n.\r\n', 'a\r\n..b\r\n...\r\n.\r\n', '', 0],
    ['a\n..\n.\r\n\r\n.\r\n', 'a\r\n...\r\n..\r\n\r\n.\r\n', '', 2],
    ['a\n.\nb\r\n.\r\n', 'a\r\n..\r\nb\r\n.\r\n', '', 2],
    ['a\r.\rb\r\n.\r\n', 'a\r\n..\r\nb\r\n.\r\n', '', 2],
    ['a\r\n.\rb\r\n.\r\n', 'a\r\n\r\nb\r\n.\r\n', '', 1],
    ['a\r\n.\nb\r\n.\r\n', 'a\r\n\r\nb\r\n.\r\n', '', 1],
    ['a\r\r\n.\r\n', 'a\r\n\r\n.\r\n', '', 1],
    ['a\r\n.\0\r\n.\r\n', 'a\r\n\0\r\n.\r\n', '', 0],
    ['a\r\n. \r\n.\r\n', 'a\r\n \r\n.\r\n', '', 0],
  ])('passes %j on', (from, wire, rest, bare) => {
    const bytes = Buffer.from(from, 'latin1');
    expect(passAll([bytes])).toMatchObject({ wire, rest, bare });
    expect(passAll([...bytes].map((byte) => Buffer.of(byte)))).toMatchObject({ wire, rest, bare });
  });

  it.each([
    'a\n.\n',
    'a\r\n.\n',
    'a\n.\r\n',
    'a\r.\r',
    'a\r\n.\r',
    'a\r.\r\n',
    'a\n.\r',
    '.\n',
    '.\r',
    'a\r\n\r.\r\n',
  ])('finds no end in %j', (wire) => {
    expect(passAll([Buffer.from(wire, 'latin1')])).toBeNull();
  });

  it.each([1, 2, 3, 4])('agrees with the reference however the bytes are cut (seed %i)', (seed) => {
    const chance = seeded(seed);
    for (let round = 0; round < 10_000; round++) {
      const length = 1 + below(chance, 14);
      const from = Array.from({ length }, () => ALPHABET[below(chance, ALPHABET.length)]).join('');
      const expected = referenceDecode(from);
      // A view into a larger buffer, so that words are aligned in every way.
      const bytes = Buffer.from(`${'-'.repeat(round % 7)}${from}`, 'latin1').subarray(round % 7);
      const passed = passAll(pieces(bytes, chance, 6));
      if (!expected) {
        expect(passed, JSON.stringify(from)).toBeNull();
        continue;
      }
      expect(passed, JSON.stringify(from)).toMatchObject({
        wire: referenceEncode(expected.content),
        rest: expected.rest,
        bytes: expected.content.length,
      });
      expect(passed?.wire.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
      expect(`\r\n${passed?.wire}`.indexOf('\r\n.\r\n')).toBe((passed?.wire.length ?? 0) - 3);
    }
  });

  it('copies nothing of a message that is in order', () => {
    const chunk = Buffer.from(`${'x'.repeat(70)}\r\n..\r\n`.repeat(500), 'latin1');
    expect(new DataScanner().scan(chunk)).toEqual({ wire: [chunk], rest: null });
    expect(new DataScanner().scan(chunk).wire[0]?.buffer).toBe(chunk.buffer);
  });
});

describe('the count of hops', () => {
  const header =
    'Received: from a\r\n\tby b\r\nX-Received: no\r\nreceived : old\r\nSubject: Received: no\r\n';

  it('is the same however the bytes are cut, and stops at the end of the header', () => {
    const chance = seeded(5);
    const message = Buffer.from(`${header}\r\nReceived: quoted\r\nReceived: quoted\r\n`);
    for (let round = 0; round < 500; round++) {
      const counter = new ReceivedCounter();
      for (const piece of pieces(message, chance, 1 + (round % 60))) counter.look(piece);
      expect(counter.count).toBe(2);
    }
  });

  it.each([
    ['\r\nReceived: x\r\n', 0],
    ['Received: x\r\n\r\n', 1],
    [`A: ${'x'.repeat(100)}\r\nReceived: x\r\n\r\n`, 1],
    ['Received: x\r\n'.repeat(150), 150],
  ])('of %j is %i', (message, count) => {
    for (const size of [1, 7, 10_000]) {
      const counter = new ReceivedCounter();
      const bytes = Buffer.from(message);
      for (let at = 0; at < bytes.length; at += size) counter.look(bytes.subarray(at, at + size));
      counter.look(Buffer.from('\r\n\r\n'));
      expect(counter.count).toBe(count);
    }
  });

  it('ends a mail that goes round in circles', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    for (const [fields, reply] of [
      [MAX_RECEIVED, /^250/],
      [MAX_RECEIVED + 1, /^554 5\.4\.6 .*\[ref/],
    ] as const) {
      await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
      expect(await client.ask(`${'Received: from a by b\r\n'.repeat(fields)}\r\nx\r\n.`)).toMatch(reply);
    }
    expect(hop.delivered).toHaveLength(1);
  });
});

describe('through the gateway', () => {
  const smuggled = [
    '\n.\n',
    '\r\n.\n',
    '\n.\r\n',
    '\r.\r',
    '\r\n.\r',
    '\r.\r\n',
    '\n.\r',
    '\r.\n',
    '\r\n\0.\r\n',
    '\n..\r\n',
  ];
  const attack = 'MAIL FROM:<evil@x.example>\r\nRCPT TO:<victim@b.example>\r\nDATA\r\nevil\r\n';

  it.each(smuggled)('%j hides no second message', async (end) => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    expect(await client.ask(`Subject: x\r\n\r\nhello${end}${attack}.`)).toMatch(/^250/);
    expect(await client.ask('QUIT')).toMatch(/^221/);
    expect(hop.delivered).toHaveLength(1);
    const wire = hop.delivered[0]?.wire.toString('latin1') ?? '';
    expect(wire.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(wire).toContain('evil');
  });

  it('refuses bare newlines when told to, and cuts the next hop before the end', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name, { bareNewlines: 'reject' });
    const client = await gateway.greeted();
    for (const body of ['a\nb\r\n', 'a\rb\r\n', 'a\r\r\n']) {
      await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
      expect(await client.ask(`${body}.`)).toMatch(/^550 5\.6\.11 .*\[ref/);
    }
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    expect(await client.ask('a\r\nb\r\n.')).toMatch(/^250/);
    expect(hop.delivered).toHaveLength(1);
  });

  it('passes 10 MB of dots and 8-bit bytes exactly, cut at random', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    const chance = seeded(3);
    const lines: string[] = [];
    for (let size = 0; size < 10_000_000; ) {
      const line = `${'.'.repeat(below(chance, 4))}${String.fromCharCode(128 + below(chance, 128)).repeat(below(chance, 200))}\r\n`;
      lines.push(line);
      size += line.length;
    }
    const stuffed = Buffer.from(
      lines.map((line) => (line.startsWith('.') ? `.${line}` : line)).join(''),
      'latin1',
    );
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    for (const piece of pieces(stuffed, chance, 40_000)) await client.push(piece);
    expect(await client.ask('.')).toMatch(/^250/);
    const wire = hop.delivered[0]?.wire ?? Buffer.alloc(0);
    const body = wire.subarray(wire.indexOf('+0000\r\n') + 7);
    expect(body.length).toBe(stuffed.length);
    expect(createHash('sha256').update(body).digest('hex')).toBe(
      createHash('sha256').update(stuffed).digest('hex'),
    );
  });

  it('holds little of a message that the next hop takes slowly', async () => {
    const hop = await ScriptedHop.start({ stall: true });
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    await hop.until(() => hop.commands.includes('DATA'));
    const before = process.memoryUsage().arrayBuffers;
    const block = Buffer.from(`${'x'.repeat(998)}\r\n`.repeat(40));
    let written = 0;
    const pump = async (): Promise<void> => {
      for (; written < 40_000_000; written += block.length) await client.push(block);
      client.send('.\r\n');
    };
    const pumping = pump();
    // The kernel's buffers are full once nothing more goes in for a while.
    await new Promise<void>((resolve) => {
      let last = -1;
      const look = setInterval(() => {
        if (written > 0 && written === last) {
          clearInterval(look);
          resolve();
        }
        last = written;
      }, 100);
    });
    expect(written).toBeLessThan(40_000_000);
    // With what the collector has not taken yet.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8_000_000);
    hop.resume();
    await pumping;
    expect(await client.reply()).toMatch(/^250/);
    expect(hop.delivered[0]?.wire.length).toBeGreaterThan(40_000_000);
  });
});
