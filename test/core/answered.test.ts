/** Answers on their way between threads, references as numbers, and text that is safe to show. */
import { describe, expect, it } from 'vitest';
import { type Answered, type PackedValue, packAnswered, unpackAnswered } from '../../src/core/answered.ts';
import { referenceFrom, referenceNumber, referenceText } from '../../src/core/reference.ts';
import { csvLines, visible } from '../../src/core/visible.ts';
import { seeded } from '../random.ts';

describe('packing', () => {
  it('gives back what went in, in any order of repeats', () => {
    const random = seeded(7);
    const text = (): string => random.pick(['a', 'b', '', '\u0000', 'x@y', '日本']);
    const maybe = (): string | null => random.pick([text(), null]);
    const answers = Array.from({ length: 5000 }, (): Answered => {
      const rcpt = maybe();
      return {
        at: 1_795_000_000_000 + random.below(5) - 2,
        ref: maybe(),
        kind: random.pick(['recipient', 'message', 'session']),
        code: random.pick([450, 550]),
        reason: text(),
        client: text(),
        realClient: text(),
        helo: maybe(),
        tls: maybe(),
        mailFrom: maybe(),
        rcpt,
        address: random.pick([rcpt, maybe()]),
        domain: maybe(),
        tenant: maybe(),
        directoryAge: random.pick([null, 0, 65_000]),
        session: text(),
        source: text(),
        detail: maybe(),
      };
    });
    // Most of them repeat the one before but for the recipient, as those of a session do.
    for (let index = 1; index < answers.length; index++) {
      const before = answers[index - 1];
      const rcpt = `x${index}@contoso.example`;
      if (before && random.below(4) > 0)
        answers[index] = { ...before, at: before.at + 1, rcpt, address: rcpt };
    }
    const values: PackedValue[] = [];
    for (const [index, answered] of answers.entries()) {
      packAnswered(values, answered, answers[index - 1] ?? null);
    }
    expect([...unpackAnswered(values)]).toEqual(answers);
    expect(values.length).toBeLessThan(answers.length * 10);
  });
});

describe('a reference', () => {
  it('is a number and back', () => {
    const random = seeded(3);
    for (let round = 0; round < 2000; round++) {
      const reference = referenceFrom(Uint8Array.from({ length: 6 }, () => random.below(256)));
      const number = referenceNumber(reference) ?? -1;
      expect(number).toBeGreaterThanOrEqual(0);
      expect(number).toBeLessThan(2 ** 30);
      expect(referenceText(number)).toBe(reference);
    }
  });

  it.each([
    ['7f3k2q', '7F3K2Q'],
    ['OIL000', '011000'],
    ['ZZZZZZ', 'ZZZZZZ'],
  ])('forgives %s', (given, meant) => expect(referenceText(referenceNumber(given) ?? 0)).toBe(meant));

  it.each(['', '7F3K2', '7F3K2QQ', '7F3K2U', 'a@b.cd', '日本日本日本'])('is not %j', (text) => {
    expect(referenceNumber(text)).toBeNull();
  });
});

describe('text of unknown origin', () => {
  it.each([
    ['a\u001b[2Jb', 'a?[2Jb'],
    ['\u202egro.elpmaxe', '?gro.elpmaxe'],
    ['a\r\nb\u0000', 'a??b?'],
    ['日本 é', '日本 é'],
    ['\ud800', '?'],
  ])('%j is shown as %j', (text, shown) => expect(visible(text)).toBe(shown));

  it.each([
    ['=1+1', "'=1+1"],
    ['  @SUM(A1)', "'  @SUM(A1)"],
    ['+49 30', "'+49 30"],
    ['-x', "'-x"],
    ['\uff1d1', "'\uff1d1"],
    ['\t=1', '?=1'],
    ['a,"b"', '"a,""b"""'],
    ['a\nb', 'a?b'],
    ['x;=1', `"x;'=1"`],
    ['plain@x.example', 'plain@x.example'],
    [null, ''],
    [-5, '-5'],
  ])('%j is %j in CSV', (value, cell) => expect(csvLines([[value]])).toBe(`${cell}\r\n`));

  it('is read back by a CSV reader as one cell, whatever it holds', () => {
    const random = seeded(11);
    const pieces = ['"', ',', ';', '\r', '\n', '=', '@', ' ', 'a', '\u0000', '日'];
    for (let round = 0; round < 3000; round++) {
      const text = Array.from({ length: random.below(8) }, () => random.pick(pieces)).join('');
      const lines = csvLines([['first', text, 'last']]);
      const cells = cellsOf(lines);
      expect(cells).toHaveLength(3);
      expect(cells[1]?.replaceAll("'", '')).toBe(visible(text));
      expect(cells[1] ?? '').not.toMatch(/(?:^|;)\s*[=+@-]/);
    }
  });
});

/** A second reader, a few lines long: quotes, doubled quotes, commas. */
function cellsOf(line: string): string[] {
  const cells = [...line.trimEnd().matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)];
  return cells.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
}
