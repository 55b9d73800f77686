/** The netstring reader: every form, every chunk size, and a seeded fuzz beside a whole-buffer reading. */
import { describe, expect, it } from 'vitest';
import { netstring, netstringReader } from '../../src/lookup/netstring.ts';
import { seeded } from '../random.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

describe('netstringReader', () => {
  it.each([
    ['5:hello,', ['hello'], null],
    ['0:,', [''], null],
    ['5:hello,3:abc,', ['hello', 'abc'], null],
    ['5:hel', [], null],
    ['5', [], null],
    ['', [], null],
    ['5:hello,x', ['hello'], 'a length is not a number'],
    ['5:helloX', [], 'a request does not end in a comma'],
    ['05:hello,', [], 'a length begins with zero'],
    ['00:,', [], 'a length begins with zero'],
    [':,', [], 'a length is missing'],
    ['-1:,', [], 'a length is not a number'],
    [' 5:hello,', [], 'a length is not a number'],
    ['21:', [], 'a request is longer than 20 bytes'],
    ['99999999999999999999', [], 'a request is longer than 20 bytes'],
    ['3:a,b,', ['a,b'], null],
    ['2:\r\n,', ['\r\n'], null],
  ])('reads %j', (input, complete, problem) => {
    for (const size of [1, 2, 3, 7, 64]) {
      const reader = netstringReader(20);
      const found: string[] = [];
      let last: string | null = null;
      for (let at = 0; at < input.length && last === null; at += size) {
        const read = reader.push(Buffer.from(input.slice(at, at + size), 'latin1'));
        found.push(...read.complete.map(text));
        last = read.problem;
      }
      expect([found, last]).toEqual([complete, problem]);
    }
  });

  it('says the first problem for ever', () => {
    const reader = netstringReader(20);
    expect(reader.push(Buffer.from('x')).problem).toBe('a length is not a number');
    expect(reader.push(Buffer.from('5:hello,'))).toEqual({
      complete: [],
      problem: 'a length is not a number',
    });
  });

  it('never holds more than one request', () => {
    const reader = netstringReader(8192);
    const piece = Buffer.from(`8192:${'a'.repeat(8192)}`);
    reader.push(piece);
    expect(reader.waiting()).toBe(piece.length);
    reader.push(Buffer.from(',5:hello,'));
    expect(reader.waiting()).toBe(0);
  });

  it('reads what was written, cut anywhere (seeded)', () => {
    const random = seeded(6);
    for (let round = 0; round < 300; round++) {
      const wanted = Array.from({ length: random.below(8) }, () =>
        Uint8Array.from({ length: random.below(40) }, () => random.below(256)),
      );
      const wire = Buffer.concat(wanted.map(netstring));
      const reader = netstringReader(64);
      const found: Uint8Array[] = [];
      for (let at = 0; at < wire.length; ) {
        const size = 1 + random.below(20);
        const read = reader.push(wire.subarray(at, at + size));
        expect(read.problem).toBeNull();
        found.push(...read.complete.map((each) => Uint8Array.from(each)));
        at += size;
      }
      expect(found).toEqual(wanted);
    }
  });

  it('survives anything (seeded)', () => {
    const random = seeded(7);
    for (let round = 0; round < 2000; round++) {
      const reader = netstringReader(32);
      for (let piece = 0; piece < 5; piece++) {
        const alphabet = '0123456789:,ab';
        const input = Array.from({ length: random.below(12) }, () => alphabet[random.below(alphabet.length)]);
        reader.push(Buffer.from(input.join('')));
        expect(reader.waiting()).toBeLessThanOrEqual(40);
      }
    }
  });
});
