/** What a file of certificate authorities may hold. */
import { expect, test } from 'vitest';
import { authoritiesProblem } from '../../src/core/authorities.ts';
import { createAuthority } from '../../src/practice/certificate.ts';

const ONE = createAuthority().certPem;
const OTHER = createAuthority().certPem;
const DAMAGED = ONE.replace(/MII.{20}/, 'MIIAAAAAAAAAAAAAAAAAAAA');

test.each([
  ['', 'holds no PEM certificate'],
  ['garbage', 'holds no PEM certificate'],
  ['-----BEGIN CERTIFICATE-----\nMIIB', 'holds no PEM certificate'],
  [DAMAGED, 'certificate 1 of 1 is damaged'],
  [`${ONE}${DAMAGED}`, 'certificate 2 of 2 is damaged'],
])('%j is refused', (pem, words) => {
  expect(authoritiesProblem(pem)).toContain(words);
});

test.each([ONE, `${ONE}${OTHER}`, `# comment\r\n${ONE.replaceAll('\n', '\r\n')}\r\n\r\n${OTHER}`])(
  'one certificate or several are fine',
  (pem) => {
    expect(authoritiesProblem(pem)).toBeNull();
  },
);
