/** `credential:NAME` in place of a path. */
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
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

const TENANT =
  '[[tenant]]\nid = "11111111-2222-3333-4444-555555555555"\napplication_id = "66666666-7777-8888-9999-000000000000"';
const SECRET = `${TENANT}\nsecret_file = "/s"`;
const PAIR = 'tls_cert = "credential:c"\ntls_key = "credential:k"';
it.each([
  ['ca_file', `ca_file = "credential:ca"\n${SECRET}`],
  ['secret_file', `${TENANT}\nsecret_file = "credential:s"`],
  ['assertion_file', `${TENANT}\nassertion_file = "credential:a"`],
  [
    'certificate_file, key_file, key_passphrase_file',
    `${TENANT}\ncertificate_file = "credential:c"\nkey_file = "credential:k"\nkey_passphrase_file = "credential:p"`,
  ],
  ['tls_cert, tls_key', `${SECRET}\n[[smtp]]\n${PAIR}`],
  ['client_ca', `${SECRET}\n[[smtp]]\n${PAIR}\nclient_certificate = "request"\nclient_ca = "credential:r"`],
  [
    'cert and key of another certificate',
    `${SECRET}\n[[smtp]]\n${PAIR}\n[[smtp.certificate]]\ncert = "credential:c2"\nkey = "credential:k2"`,
  ],
])('may stand for %s', (_keys, toml) => {
  const text = `${toml}\n[[domain]]\nname = "contoso.example"\nnext_hop = "127.0.0.1:1"\n`;
  const parsed = parseConfig(text, { schedule: () => null });
  expect(parsed).toMatchObject({ ok: true });
  const found = parsed.ok ? JSON.stringify(parsed.config) : '';
  expect(found.split('/run/credentials/rcptgate.service/').length - 1).toBe(
    text.split('"credential:').length - 1,
  );
  expect(found).not.toContain('credential:');
});
