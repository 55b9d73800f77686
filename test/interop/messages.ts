/** Messages that a relay easily damages, and the comparison of what was sent with what arrived. */
import { seeded } from '../random.ts';

/** RFC 5321 section 4.5.3.1.6: a line has at most 998 octets and its line end. */
const LONGEST_LINE = 998;
/** What a hop may put in front of a message. */
const TRACE = new Set(['received', 'return-path', 'delivered-to', 'x-original-to']);

/** A message with everything that dot-stuffing, 8-bit text and line lengths can go wrong with; lines end in LF. */
export function hardMessage(id: string): Buffer {
  const eightBit = Buffer.from(Array.from({ length: 128 }, (_, index) => 128 + index)).toString('latin1');
  const controls = Buffer.from(Array.from({ length: 31 }, (_, index) => index + 1))
    .toString('latin1')
    .replace(/[\r\n]/g, '');
  return message(id, [
    '.',
    '..',
    '...',
    '.leading dot',
    '..two leading dots',
    ' .',
    '',
    '.',
    '',
    'trailing blanks  \t',
    'From somebody who is not a header',
    'Received: from nobody, in the body',
    Buffer.from('日本語のテキスト, Grüße, naïve').toString('latin1'),
    eightBit,
    controls,
    'x'.repeat(LONGEST_LINE),
    `.${'y'.repeat(LONGEST_LINE - 1)}`,
    `${'z'.repeat(LONGEST_LINE - 1)}.`,
    '.'.repeat(LONGEST_LINE),
    '',
    '',
    '.',
  ]);
}

/** A message of at least `size` bytes whose lines have every length, many of them led by dots. */
export function bigMessage(id: string, size: number): Buffer {
  const random = seeded(size);
  const lines: string[] = [];
  for (let length = 0; length < size; length += (lines.at(-1)?.length ?? 0) + 1) {
    const filler = random.pick(['a', 'é', '.', ' x', 'ﾃ']);
    const bytes = Buffer.from(filler.repeat(random.below(LONGEST_LINE))).toString('latin1');
    const line = `${'.'.repeat(random.below(3))}${bytes}`.slice(0, LONGEST_LINE);
    lines.push(line);
  }
  return message(id, lines);
}

/** A short plain message. */
export function plainMessage(id: string): Buffer {
  return message(id, ['Hello.']);
}

function message(id: string, lines: readonly string[]): Buffer {
  const head = [
    'From: Sender <sender@sender.example>',
    'To: undisclosed-recipients:;',
    `Subject: ${id}`,
    'Date: Mon, 02 Nov 2026 10:00:00 +0000',
    `Message-ID: <${id}@sender.example>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
  ];
  return Buffer.from([...head, ...lines, ''].join('\n'), 'latin1');
}

/** The message as it goes over the wire. */
export function withCrLf(message: Buffer): Buffer {
  return Buffer.from(message.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
}

/**
 * The trace fields in front of `arrived`, unfolded, when the rest of it is `sent`, byte for byte.
 * @throws Error when it is not, or when there is anything else in front.
 */
export function traceOf(arrived: Buffer, sent: Buffer): string[] {
  const rest = arrived.subarray(-sent.length);
  if (!rest.equals(sent)) throw new Error(difference(arrived, sent));
  const front = arrived.toString('latin1', 0, arrived.length - sent.length).replaceAll('\r\n', '\n');
  const fields = front
    .replaceAll(/\n[ \t]+/g, ' ')
    .split('\n')
    .slice(0, -1);
  const foreign = fields.find((field) => !TRACE.has(field.split(':', 1)[0]?.toLowerCase() ?? ''));
  if (foreign !== undefined) throw new Error(`not a trace field: ${foreign}`);
  return fields;
}

function difference(arrived: Buffer, sent: Buffer): string {
  const start = arrived.indexOf(sent.subarray(0, 40));
  if (start < 0)
    return `the message does not begin with its own first line: ${arrived.toString('latin1', 0, 400)}`;
  const own = arrived.subarray(start);
  const at = sent.findIndex((byte, index) => own[index] !== byte);
  const around = (bytes: Buffer) => JSON.stringify(bytes.toString('latin1', Math.max(0, at - 40), at + 40));
  return `${sent.length} bytes sent, ${own.length} arrived, different at ${at}: ${around(sent)} became ${around(own)}`;
}
