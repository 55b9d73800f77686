/** Changes the master key of a mirror again and again, a dot on standard output for each time, until it is killed. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { openMirror } from '../../dist/mirror/mirror.js';
import { masterKeyFile } from '../../dist/seal/master-key.js';
import { rotateKey } from '../../dist/seal/rotation.js';
import { openVault } from '../../dist/seal/vault.js';

const [stateDir = ''] = process.argv.slice(2);
const TENANTS = ['11111111-2222-3333-4444-555555555555', '99999999-2222-3333-4444-555555555555'];
const mirror = openMirror(path.join(stateDir, 'mirror.sqlite'));
const file = masterKeyFile(stateDir, undefined, existsSync);
const vault = openVault(file, { read: mirror.sealedCredential, write: mirror.keepSealedCredential });
for (const tenant of TENANTS) {
  const kept = vault.load(tenant);
  if (kept.ok && kept.value === null) vault.save({ tenant, kind: 'secret' }, `secret of ${tenant}`);
}
for (;;) {
  rotateKey(file, mirror.sealedRecords);
  process.stdout.write('.');
}
