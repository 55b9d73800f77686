/** `credential:NAME` in place of a path. */
import { expect, it } from 'vitest';
import { namedFile } from '../../src/config/named-file.ts';

it.each([
  ['/etc/rcptgate/secret', '/etc/rcptgate/secret'],
  ['secret', 'secret'],
  ['credential:rcptgate.client-secret', '/run/credentials/x.service/rcptgate.client-secret'],
  ['credential:a@b_c.d', '/run/credentials/x.service/a@b_c.d'],
  ['credential:', null],
  ['credential:../../etc/shadow', null],
  ['credential:..', null],
  ['credential:.hidden', null],
  ['credential:a b', null],
])('%s is %s', (text, expected) => {
  expect(namedFile(text, '/run/credentials/x.service')).toBe(expected);
});

it('is that of the shipped unit outside of a service', () => {
  expect(namedFile('credential:x', undefined)).toBe('/run/credentials/rcptgate.service/x');
});
