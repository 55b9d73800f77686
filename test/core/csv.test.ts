/** The CSV reader: RFC 4180 row by row, and random files however they are cut. */
import { describe, expect, it } from 'vitest';
import { CsvReader } from '../../src/core/csv.ts';
import { type Random, seeded } from '../random.ts';

/** Records (line and fields) and the fault of a text read in the given pieces. */
function read(...pieces: string[]): { records: Array<[number, ...string[]]>; fault: unknown } {
  const reader = new CsvReader();
  const records = [...pieces.flatMap((piece) => [...reader.push(piece)]), ...reader.end()];
  return { records: records.map(({ line, fields }) => [line, ...fields]), fault: reader.fault };
}

describe('one file', () => {
  it.each<[name: string, text: string, records: unknown[]]>([
    ['nothing', '', []],
    [
      'line ends of every kind',
      'a,b\r\nc,d\re,f\ng,h',
      [
        [1, 'a', 'b'],
        [2, 'c', 'd'],
        [3, 'e', 'f'],
        [4, 'g', 'h'],
      ],
    ],
    [
      'semicolons',
      'a;b\n1,5;2',
      [
        [1, 'a', 'b'],
        [2, '1,5', '2'],
      ],
    ],
    [
      'tabs',
      'a\tb\n1;2\t3',
      [
        [1, 'a', 'b'],
        [2, '1;2', '3'],
      ],
    ],
    [
      'one column',
      'a\nb',
      [
        [1, 'a'],
        [2, 'b'],
      ],
    ],
    [
      'empty fields',
      ',\n"",',
      [
        [1, '', ''],
        [2, '', ''],
      ],
    ],
    [
      'quotes, separators and breaks in quotes',
      'a,b\n"x ""y"", z","1\r\n2"\n3,4',
      [
        [1, 'a', 'b'],
        [2, 'x "y", z', '1\r\n2'],
        [4, '3', '4'],
      ],
    ],
    [
      'a quote inside an unquoted field',
      'a,b\n5" disk,x',
      [
        [1, 'a', 'b'],
        [2, '5" disk', 'x'],
      ],
    ],
    [
      'empty lines',
      '\n\na,b\n\r\n\nc,d\n\n',
      [
        [3, 'a', 'b'],
        [6, 'c', 'd'],
      ],
    ],
    [
      'a #TYPE line',
      '#TYPE System.Object; x\r\na,b\r\nc,d',
      [
        [2, 'a', 'b'],
        [3, 'c', 'd'],
      ],
    ],
    ['spaces kept', ' a , b', [[1, ' a ', ' b']]],
  ])('%s', (_name, text, records) => {
    const whole = read(text);
    expect(whole).toEqual({ records, fault: null });
    expect(read(...text)).toEqual(whole);
  });

  it.each([
    ['a,b\n"x"y,z', { line: 2, column: 4, problem: expect.stringContaining('closing quote') }],
    ['a,b\nc,"d\ne,f\n', { line: 2, column: 3, problem: expect.stringContaining('never ends') }],
  ])('names where %j breaks', (text, fault) => {
    expect(read(text).fault).toEqual(fault);
    expect(read(...text).fault).toEqual(fault);
  });
});

/** A second, much simpler reader: one regular expression a field, the whole text at hand. */
function reference(text: string, separator: string): string[][] | 'fault' {
  const field = new RegExp(
    `(?:"((?:[^"]|"")*)"|([^"${separator}\\r\\n][^${separator}\\r\\n]*)?)(${separator}|\\r\\n|\\r|\\n|$)`,
    'y',
  );
  const records: string[][] = [];
  let fields: string[] = [];
  let quoted = false;
  while (field.lastIndex < text.length || fields.length > 0) {
    const match = field.exec(text);
    if (!match) return 'fault';
    quoted ||= match[1] !== undefined;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === separator) continue;
    if (fields.length > 1 || fields[0] !== '' || quoted) records.push(fields);
    fields = [];
    quoted = false;
  }
  return records;
}

function cut(text: string, random: Random): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const size = 1 + random.below(random.pick([1, 3, 40]));
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

describe('random files', () => {
  it('are read like the simple reader does, however they are cut', () => {
    const random = seeded(31);
    let faults = 0;
    for (let round = 0; round < 5000; round++) {
      const separator = random.pick([',', ';', '\t']);
      // The header decides the separator, so it always has the most of it.
      let text = `h${separator.repeat(3)}${random.pick(['\n', '\r\n', '\r'])}`;
      const noise = [
        '"',
        '""',
        separator,
        ',',
        '\n',
        '\r',
        '\r\n',
        'a',
        'b c',
        'ü',
        '"x"',
        `"x"${separator}`,
      ];
      for (let length = random.below(25); length > 0; length--) text += random.pick(noise);
      const expected = reference(text, separator);
      const whole = read(text);
      if (expected === 'fault') {
        faults += 1;
        expect(whole.fault, JSON.stringify(text)).not.toBeNull();
      } else {
        expect(whole.fault, JSON.stringify(text)).toBeNull();
        expect(
          whole.records.map(([, ...fields]) => fields),
          JSON.stringify(text),
        ).toEqual(expected);
      }
      expect(read(...cut(text, random)), JSON.stringify(text)).toEqual(whole);
    }
    expect(faults).toBeGreaterThan(500);
    expect(faults).toBeLessThan(4500);
  });
});
