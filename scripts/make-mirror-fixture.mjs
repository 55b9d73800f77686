/**
 * Makes a small mirror with the schema of a released version, for the tests of migrations:
 *
 *   git worktree add /tmp/released TAG && (cd /tmp/released && node scripts/setup.mjs)
 *   node scripts/make-mirror-fixture.mjs /tmp/released/dist test/mirror/fixtures/schema-N.sqlite
 *
 * Only tables of that version are filled, by plain SQL, because its functions may be gone tomorrow.
 */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, target] = process.argv.slice(2);
if (!dist || !target) throw new Error('usage: make-mirror-fixture.mjs DIST FILE');
for (const suffix of ['', '-wal', '-shm', '-round']) rmSync(target + suffix, { force: true });

const { openDatabase } = await import(pathToFileURL(path.resolve(dist, 'mirror/database.js')).href);
const database = openDatabase(target);
const at = Date.UTC(2026, 10, 1);
const tenant = '11111111-2222-3333-4444-555555555555';
const facts = (name) =>
  JSON.stringify({
    displayName: name,
    mail: `${name}@contoso.example`,
    proxyAddresses: [`SMTP:${name}@contoso.example`, `smtp:${name}.alias@contoso.example`],
  });
database.exec(`
  INSERT INTO tenant (pk, id, synced_at, domains, addresses, generation)
    VALUES (1, '${tenant}', ${at}, '["contoso.example"]', 4, 42);
  INSERT INTO stream (tenant, name, cursor, select_hash, full_at)
    VALUES (1, 'users', 'https://graph.example/v1.0/users/delta?$deltatoken=x', 'h', ${at});
  INSERT INTO object VALUES (1, 1, 'users', 'id-alice', 'user', '${facts('alice')}', 'live', ${at});
  INSERT INTO object VALUES (2, 1, 'users', 'id-bob', 'user', '${facts('bob')}', 'live', ${at});
  INSERT INTO address VALUES (1, 'alice@contoso.example', 1), (1, 'alice.alias@contoso.example', 1),
    (1, 'bob@contoso.example', 2), (1, 'bob.alias@contoso.example', 2);
  INSERT INTO departed VALUES (1, 'carol@contoso.example', ${at}, NULL), (1, 'dave@contoso.example', ${at}, 'count');
`);
const has = (table) =>
  database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(table) !== undefined;
if (has('override')) {
  database.exec(`INSERT INTO override VALUES
    ('folder@contoso.example', 'allow', NULL, 'public folder', NULL, ${at}, 'control socket')`);
}
if (has('imported')) {
  database.exec(`INSERT INTO import VALUES (1, 'recipients.csv', ${at}, 'control socket');
    INSERT INTO imported VALUES (1, 'list@contoso.example', 'DynamicDistributionGroup')`);
}
database.exec('DETACH round');
database.pragma('journal_mode = DELETE');
database.exec('VACUUM');
console.log(`schema ${database.pragma('user_version', { simple: true })}: ${target}`);
database.close();
for (const suffix of ['-round', '-wal', '-shm']) rmSync(target + suffix, { force: true });
