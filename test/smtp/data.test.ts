/** The message in both directions: framing, un-stuffing, stuffing and bare newlines, against a slow reference. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DataDecoder } from '../../src/smtp/data-decoder.ts';
import { DataEncoder } from '../../src/smtp/data-encoder.ts';
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

function decodeAll(chunks: readonly Buffer[]): { content: string; rest: string } | null {
  const decoder = new DataDecoder();
  let content = '';
  for (const [index, chunk] of chunks.entries()) {
    const decoded = decoder.decode(chunk);
    content += decoded.content.toString('latin1');
    if (decoded.rest) {
      const rest = Buffer.concat([decoded.rest, ...chunks.slice(index + 1)]);
      return { content, rest: rest.toString('latin1') };
    }
  }
  return null;
}

function encodeAll(chunks: readonly Buffer[]): { wire: string; bare: number } {
  const encoder = new DataEncoder();
  const wire = chunks.map((chunk) => encoder.encode(chunk).toString('latin1')).join('');
  const end = encoder.finish().toString('latin1');
  return { wire: wire + end, bare: encoder.bareNewlines };
}

function referenceEncode(content: string): string {
  const lines = content.replace(/\r\n|\r|\n/g, '\r\n');
  const closed = lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`;
  return `${`\r\n${closed}`.replaceAll('\r\n.', '\r\n..').slice(2)}.\r\n`;
}

const ALPHABET = ['\r', '\n', '.', '\r\n', '\r\n.', '\r\n.\r\n', 'a', '\xff', '\0'];

describe('the decoder', () => {
  it.each([
    ['.\r\n', '', ''],
    ['.\r\nMAIL', '', 'MAIL'],
    ['a\r\n.\r\n', 'a\r\n', ''],
    ['..\r\n.\r\n', '.\r\n', ''],
    ['.a\r\n..b\r\n...\r\n.\r\n', 'a\r\n.b\r\n..\r\n', ''],
    ['a\n..\n.\r\n\r\n.\r\n', 'a\n..\n.\r\n\r\n', ''],
    ['a\n.\nb\r\n.\r\n', 'a\n.\nb\r\n', ''],
    ['a\r.\rb\r\n.\r\n', 'a\r.\rb\r\n', ''],
    ['a\r\n.\rb\r\n.\r\n', 'a\r\n\rb\r\n', ''],
    ['a\r\n.\nb\r\n.\r\n', 'a\r\n\nb\r\n', ''],
    ['a\r\n.\0\r\n.\r\n', 'a\r\n\0\r\n', ''],
    ['a\r\n. \r\n.\r\n', 'a\r\n \r\n', ''],
  ])('reads %j', (wire, content, rest) => {
    const bytes = Buffer.from(wire, 'latin1');
    expect(decodeAll([bytes])).toEqual({ content, rest });
    expect(decodeAll([...bytes].map((byte) => Buffer.of(byte)))).toEqual({ content, rest });
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
    expect(decodeAll([Buffer.from(wire, 'latin1')])).toBeNull();
  });

  it('agrees with the reference however the bytes are cut', () => {
    const chance = seeded(1);
    for (let round = 0; round < 20_000; round++) {
      const length = 1 + below(chance, 12);
      const wire = Array.from({ length }, () => ALPHABET[below(chance, ALPHABET.length)]).join('');
      const chunks = pieces(Buffer.from(wire, 'latin1'), chance, 4);
      expect(decodeAll(chunks), JSON.stringify(wire)).toEqual(referenceDecode(wire));
    }
  });
});

describe('the encoder', () => {
  it.each([
    ['', '.\r\n', 0],
    ['a\r\n', 'a\r\n.\r\n', 0],
    ['.\r\n', '..\r\n.\r\n', 0],
    ['a\n.\n', 'a\r\n..\r\n.\r\n', 2],
    ['a\r.\r', 'a\r\n..\r\n.\r\n', 1],
    ['a\n\r\n', 'a\r\n\r\n.\r\n', 1],
    ['a\r\r\n', 'a\r\n\r\n.\r\n', 1],
  ])('writes %j', (content, wire, bare) => {
    expect(encodeAll([Buffer.from(content, 'latin1')])).toEqual({ wire, bare });
  });

  it('agrees with the reference however the bytes are cut, and leaves one reading', () => {
    const chance = seeded(2);
    for (let round = 0; round < 20_000; round++) {
      const length = below(chance, 12);
      const content = Array.from({ length }, () => ALPHABET[below(chance, ALPHABET.length)]).join('');
      const { wire } = encodeAll(pieces(Buffer.from(content, 'latin1'), chance, 4));
      expect(wire, JSON.stringify(content)).toBe(referenceEncode(content));
      expect(wire.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
      expect(`\r\n${wire}`.indexOf('\r\n.\r\n')).toBe(wire.length - 3);
    }
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
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
    hop.resume();
    await pumping;
    expect(await client.reply()).toMatch(/^250/);
    expect(hop.delivered[0]?.wire.length).toBeGreaterThan(40_000_000);
  });
});
