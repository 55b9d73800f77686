/**
 * Who owns which address, kept up to date one object at a time. Counts distinct addresses while it writes, and collects
 * those that lost an owner: after the round, the ones with none left have departed.
 */
import type { Database } from 'better-sqlite3';
import { addressesOf, type StreamName } from '../core/recipient.ts';
import type { StoredObject } from './merge.ts';

/** Longer addresses cannot be said in SMTP (RFC 5321 section 4.5.3.1.3: 256 octets), so they are not kept. */
const MAX_ADDRESS = 512;
/** New addresses that are sorted before they are written: about 20 MB at most. */
const BATCH = 200_000;
/** Most addresses of a sample. */
export const SAMPLE = 20;

export interface Ownership {
  /** Starts a round of one tenant, with the distinct addresses it has now. */
  begin(tenant: number, addresses: number): void;
  /** Makes `owned` the addresses of an object that may have others. */
  set(object: number, owned: readonly string[]): void;
  /** Gives an object that was just made its addresses. They are written in batches; {@link flush} writes the rest. */
  setNew(object: number, owned: readonly string[]): void;
  /** Comes before the same object is set again, and before anything below is asked. */
  flush(): void;
  /** Distinct addresses with an owner, now. */
  count(): number;
  /** Whether any row was written since `begin`. */
  changed(): boolean;
  /** Addresses that had an owner when the round began and have none now. */
  departed(): string[];
  /** Some of the addresses that got their first owner in this round, at most {@link SAMPLE}. */
  gained(): string[];
}

/** The addresses an object brings into the directory: none unless it is live. */
export function ownedAddresses(
  stream: StreamName,
  object: StoredObject,
  verified: ReadonlySet<string>,
): readonly string[] {
  if (object.state !== 'live') return [];
  const owned = addressesOf(stream, object.facts, verified).map(({ address }) => address);
  return owned.filter((address) => address.length <= MAX_ADDRESS);
}

/** Prepares the statements. */
function statements(database: Database) {
  database.exec(`CREATE TEMP TABLE IF NOT EXISTS orphan (
    address TEXT, object INTEGER, stream TEXT, id TEXT, PRIMARY KEY (address, object)
  ) WITHOUT ROWID`);
  const clear = database.prepare('DELETE FROM temp.orphan');
  // The former owner is kept by its name, because its row may be gone at the end of the round.
  const orphan = database.prepare(
    'INSERT OR IGNORE INTO temp.orphan SELECT ?, pk, stream, id FROM object WHERE pk = ?',
  );
  const wasOwned = database.prepare('SELECT 1 FROM temp.orphan WHERE address = ? LIMIT 1').pluck();
  const owner = database.prepare('SELECT 1 FROM address WHERE tenant = ? AND address = ? LIMIT 1').pluck();
  const have = database.prepare<[number], string>('SELECT address FROM address WHERE object = ?').pluck();
  const insert = database.prepare('INSERT OR IGNORE INTO address (tenant, address, object) VALUES (?, ?, ?)');
  const remove = database.prepare('DELETE FROM address WHERE tenant = ? AND address = ? AND object = ?');
  const orphans = database
    .prepare<[number], string>(
      `SELECT DISTINCT address FROM temp.orphan AS o WHERE NOT EXISTS
       (SELECT 1 FROM address AS a WHERE a.tenant = ? AND a.address = o.address)`,
    )
    .pluck();
  return { clear, orphan, wasOwned, owner, have, insert, remove, orphans };
}

/** Opens the ownership of addresses. */
export function openOwnership(database: Database): Ownership {
  const { clear, orphan, wasOwned, owner, have, insert, remove, orphans } = statements(database);
  let tenant = 0;
  let count = 0;
  let changed = false;
  let fresh: Array<readonly [address: string, object: number]> = [];
  let gained: string[] = [];

  const isOwned = (address: string): boolean => owner.get(tenant, address) !== undefined;
  const gain = (address: string): void => {
    count += 1;
    if (gained.length < SAMPLE && wasOwned.get(address) === undefined) gained.push(address);
  };
  const add = (address: string, object: number): void => {
    if (!isOwned(address)) gain(address);
    insert.run(tenant, address, object);
  };
  /** In order of address, so that a large round touches each page of the table a few times and not once a row. */
  const flush = (): void => {
    const sorted = fresh.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    fresh = [];
    for (const [address, object] of sorted) add(address, object);
  };
  return {
    begin(of, addresses) {
      clear.run();
      fresh = [];
      tenant = of;
      count = addresses;
      changed = false;
      gained = [];
    },
    setNew(object, owned) {
      for (const address of owned) fresh.push([address, object]);
      changed ||= owned.length > 0;
      if (fresh.length >= BATCH) flush();
    },
    set(object, owned) {
      const before = new Set(have.all(object));
      for (const address of owned) {
        if (before.delete(address)) continue;
        add(address, object);
        changed = true;
      }
      for (const address of before) {
        remove.run(tenant, address, object);
        orphan.run(address, object);
        if (!isOwned(address)) count -= 1;
        changed = true;
      }
    },
    flush,
    count: () => count,
    changed: () => changed,
    departed: () => orphans.all(tenant),
    gained: () => gained,
  };
}
