/** Sealed credentials and warnings in the mirror: one each a tenant, kept across openings, opaque. */
import { expect, test } from 'vitest';
import { openMirror } from '../../src/mirror/mirror.ts';
import { scratchMirror, TENANT } from './scratch.ts';

const OTHER = '22222222-2222-3333-4444-555555555555';
const row = (text: string) => ({
  kind: 'secret',
  keyId: 'k1',
  nonce: Buffer.from('nonce of 96b'),
  sealed: Buffer.from(text),
});

test('a sealed credential is the last one kept, for its tenant, also after a restart', () => {
  using scratch = scratchMirror();
  expect(scratch.mirror.sealedCredential(TENANT)).toBeNull();
  scratch.mirror.keepSealedCredential(TENANT, row('one'));
  scratch.mirror.keepSealedCredential(TENANT, row('two'));
  scratch.mirror.keepSealedCredential(OTHER, row('other'));
  using again = openMirror(scratch.path);
  expect(again.sealedCredential(TENANT)).toEqual(row('two'));
  expect(again.sealedCredential(OTHER)).toEqual(row('other'));
});

test('only those of the tenants that are left are retained', () => {
  using scratch = scratchMirror();
  for (const tenant of [TENANT, OTHER]) scratch.mirror.keepSealedCredential(tenant, row(tenant));
  scratch.mirror.retainCredentials([TENANT, 'never seen']);
  expect(scratch.mirror.sealedCredential(OTHER)).toBeNull();
  expect(scratch.mirror.sealedCredential(TENANT)).toEqual(row(TENANT));
});

test('the last warning is remembered by tenant', () => {
  using scratch = scratchMirror();
  expect(scratch.mirror.expiryWarned(TENANT)).toBeNull();
  scratch.mirror.keepExpiryWarned(TENANT, { expires: 5, days: 60 });
  scratch.mirror.keepExpiryWarned(TENANT, { expires: 5, days: 30 });
  expect(scratch.mirror.expiryWarned(TENANT)).toEqual({ expires: 5, days: 30 });
  expect(scratch.mirror.expiryWarned(OTHER)).toBeNull();
});
