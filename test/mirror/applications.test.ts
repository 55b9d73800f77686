/** Applications entered in the console, in the mirror: one pending and one in use for each tenant, opaque, across openings. */
import { expect, test } from 'vitest';
import { openMirror } from '../../src/mirror/mirror.ts';
import { scratchMirror, TENANT } from './scratch.ts';

const OTHER = '22222222-2222-3333-4444-555555555555';
const row = (text: string) => ({
  settings: JSON.stringify({ text }),
  sealed: { kind: 'secret', keyId: 'k1', nonce: Buffer.from('nonce of 96b'), sealed: Buffer.from(text) },
});

test('what is pending replaces what was pending, and what is in use only by being adopted', () => {
  using scratch = scratchMirror();
  const { applications } = scratch.mirror;
  expect([applications.read(TENANT, 'pending'), applications.read(TENANT, 'used')]).toEqual([null, null]);
  applications.keep(TENANT, 'pending', row('one'));
  applications.keep(TENANT, 'pending', row('two'));
  applications.keep(OTHER, 'pending', row('other'));
  applications.adopt(TENANT, '"proven"');
  expect(applications.read(TENANT, 'pending')).toBeNull();
  expect(applications.read(TENANT, 'used')).toEqual({ ...row('two'), settings: '"proven"' });
  applications.keep(TENANT, 'pending', row('three'));
  applications.restate(TENANT, 'pending', '"tried"');
  expect(applications.read(TENANT, 'used')?.settings).toBe('"proven"');
  applications.adopt(TENANT, '"proven again"');
  using again = openMirror(scratch.path);
  expect(again.applications.read(TENANT, 'used')).toEqual({ ...row('three'), settings: '"proven again"' });
  expect(again.applications.read(OTHER, 'pending')).toEqual(row('other'));
});

test('is dropped alone, with its tenant, or when nobody is configured any more', () => {
  using scratch = scratchMirror();
  const { applications } = scratch.mirror;
  for (const tenant of [TENANT, OTHER]) {
    applications.keep(tenant, 'pending', row('used'));
    applications.adopt(tenant, '{}');
    applications.keep(tenant, 'pending', row('pending'));
  }
  applications.drop(TENANT, 'pending');
  expect([applications.read(TENANT, 'pending'), applications.read(TENANT, 'used') === null]).toEqual([
    null,
    false,
  ]);
  applications.drop(OTHER, null);
  expect([applications.read(OTHER, 'pending'), applications.read(OTHER, 'used')]).toEqual([null, null]);
  applications.retain([OTHER]);
  expect(applications.read(TENANT, 'used')).toBeNull();
});
