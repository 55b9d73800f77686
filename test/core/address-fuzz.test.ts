/** The short way through parseMailbox says what the long way says: a source route takes the long one. */
import { expect, it } from 'vitest';
import { parseMailbox } from '../../src/core/address.ts';
import { seeded } from '../random.ts';

const PIECES = [
  'a',
  'B',
  '0',
  '.',
  '..',
  '-',
  '_',
  '+',
  '@',
  '"',
  '\\',
  ' ',
  'é',
  '\u0000',
  '[',
  ']',
  ':',
  'xn--',
  'contoso',
  '.example',
  'postmaster',
  '!',
  '%',
  'x'.repeat(63),
  'y'.repeat(64),
];

it('does for 50,000 addresses', () => {
  const random = seeded(11);
  let plain = 0;
  for (let round = 0; round < 50_000; round += 1) {
    const piece = (): string => PIECES[random.below(PIECES.length)] ?? '';
    const local = Array.from({ length: 1 + random.below(4) }, piece).join('');
    const domain = Array.from({ length: 1 + random.below(4) }, piece).join('');
    const text = random.below(3) ? `${local}@${domain}` : `user.${random.below(99)}@${domain}.example`;
    if (text.startsWith('@')) continue;
    const short = parseMailbox(text);
    expect([text, short]).toEqual([text, parseMailbox(`@relay.example:${text}`)]);
    if (short.ok) plain += 1;
  }
  expect(plain).toBeGreaterThan(2000);
});
