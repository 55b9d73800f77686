/** The textual form of a certificate: what other programs read must not depend on its length. */
import { expect, it } from 'vitest';
import { pem } from '../../src/core/der.ts';

it.each([1, 47, 48, 49, 95, 96, 97, 384, 385])(
  '%i bytes make lines of 64 characters, none of them empty',
  (size) => {
    const content = Buffer.alloc(size, 7);
    const [begin, ...rest] = pem('CERTIFICATE', content).split('\n');
    const [end, last] = rest.splice(-2);
    expect([begin, end, last]).toEqual(['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', '']);
    expect(rest.every((line) => line.length > 0 && line.length <= 64)).toBe(true);
    expect(Buffer.from(rest.join(''), 'base64')).toEqual(content);
  },
);
