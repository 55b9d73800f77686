/**
 * The tables of the mirror and how older files become newer ones. `user_version` counts the migrations applied.
 *
 * An address may belong to several objects at once (Graph shows that briefly while one moves), so (address, object) is
 * the key and an address survives until its last owner goes. Addresses carry their tenant so that one tenant can be
 * read in order of address. The attribute an address came from is not stored: it follows from the object's facts.
 */
import type { Database } from 'better-sqlite3';

const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE tenant (
    pk INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    synced_at INTEGER,                      -- start of the last complete round, ms since 1970
    domains TEXT NOT NULL DEFAULT '[]',     -- verified domains the addresses were computed with, JSON
    addresses INTEGER NOT NULL DEFAULT 0,   -- distinct addresses with an owner
    generation INTEGER NOT NULL DEFAULT 0,  -- another random number after every change of the address set
    last_round TEXT,                        -- report of the last round, JSON
    not_before INTEGER                      -- no round before this moment: the other side asked for it
  );
  CREATE TABLE stream (
    tenant INTEGER NOT NULL REFERENCES tenant (pk),
    name TEXT NOT NULL,
    cursor TEXT,                            -- deltaLink; NULL asks for a full read
    select_hash TEXT,
    full_at INTEGER,                        -- start of the last completed full read
    error TEXT,                             -- why the last round did not complete this stream, JSON
    PRIMARY KEY (tenant, name)
  ) WITHOUT ROWID;
  CREATE TABLE object (
    pk INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenant (pk),
    stream TEXT NOT NULL,
    id TEXT NOT NULL,                       -- Graph's id
    kind TEXT NOT NULL,
    facts TEXT NOT NULL,                    -- JSON; kept after a removal, because a restore may arrive sparse
    state TEXT NOT NULL,                    -- live, changed (soft-deleted), absent (missing from a full read)
    state_at INTEGER NOT NULL,
    UNIQUE (tenant, stream, id)
  );
  CREATE INDEX object_kinds ON object (tenant, state, kind);
  CREATE TABLE address (
    tenant INTEGER NOT NULL,
    address TEXT NOT NULL,
    object INTEGER NOT NULL,                -- object.pk; unchecked, a look at every parent costs a fifth of a full read
    PRIMARY KEY (tenant, address, object)
  ) WITHOUT ROWID;
  CREATE INDEX address_owner ON address (object);
  CREATE TABLE departed (
    tenant INTEGER NOT NULL,
    address TEXT NOT NULL,
    removed_at INTEGER NOT NULL,
    held TEXT,                              -- why the removal is held back; NULL: in its grace period
    PRIMARY KEY (tenant, address)
  ) WITHOUT ROWID;
  `,
  `
  -- What the operator said by command. No round touches it, and no full read brings it back.
  CREATE TABLE override (
    match TEXT PRIMARY KEY,                 -- address, pattern or @domain, in its normal form
    action TEXT NOT NULL,
    text TEXT,
    note TEXT,
    expires INTEGER,                        -- last moment it holds, ms since 1970
    added_at INTEGER NOT NULL,
    added_by TEXT NOT NULL
  );
  CREATE TABLE import (
    tenant INTEGER PRIMARY KEY REFERENCES tenant (pk),
    file TEXT NOT NULL,
    imported_at INTEGER NOT NULL,
    imported_by TEXT NOT NULL
  );
  CREATE TABLE imported (
    tenant INTEGER NOT NULL,
    address TEXT NOT NULL,
    type TEXT NOT NULL,                     -- RecipientTypeDetails of Exchange
    PRIMARY KEY (tenant, address)
  ) WITHOUT ROWID;
  `,
  `
  CREATE TABLE credential (
    tenant INTEGER PRIMARY KEY REFERENCES tenant (pk),
    kind TEXT NOT NULL,                     -- secret, certificate, assertion
    key_id TEXT NOT NULL,                   -- which master key it is sealed with
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL                    -- the last credential that worked; see seal/
  );
  CREATE TABLE expiry_warning (
    tenant INTEGER PRIMARY KEY REFERENCES tenant (pk),
    expires INTEGER NOT NULL,               -- end of the credential, ms since 1970
    days INTEGER NOT NULL                   -- the last warning given
  );
  `,
  `
  CREATE TABLE recent_mail (
    tenant INTEGER NOT NULL,
    address TEXT NOT NULL,
    day INTEGER NOT NULL,                   -- last day mail to it was accepted, days since 1970 (UTC)
    PRIMARY KEY (tenant, address)
  ) WITHOUT ROWID;
  CREATE TABLE held_owner (                 -- whom to ask whether a held address is really gone
    tenant INTEGER NOT NULL,
    address TEXT NOT NULL,
    stream TEXT NOT NULL,
    id TEXT NOT NULL,
    checked_at INTEGER NOT NULL DEFAULT 0,  -- last attempt, ms since 1970
    PRIMARY KEY (tenant, address, stream, id)
  ) WITHOUT ROWID;
  CREATE TABLE held_plan (
    tenant INTEGER PRIMARY KEY,
    hash TEXT NOT NULL,
    since INTEGER NOT NULL,
    told TEXT NOT NULL DEFAULT ''           -- hash of the plan that was last reported
  );
  `,
  `
  CREATE TABLE application (                -- what was entered in the console
    tenant INTEGER NOT NULL REFERENCES tenant (pk),
    place TEXT NOT NULL,                    -- pending: saved, not proven; used: proven
    settings TEXT NOT NULL,                 -- JSON, nothing secret
    kind TEXT NOT NULL,                     -- of the credential, which is sealed as in the table above
    key_id TEXT NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (tenant, place)
  );
  CREATE TABLE account (                    -- who may enter the console; see accounts.ts
    tenant TEXT NOT NULL,                   -- ids of the tenant and of the person's object in it
    object TEXT NOT NULL,
    name TEXT NOT NULL,                     -- as Entra ID named them then
    role TEXT NOT NULL,                     -- admin or reader
    since INTEGER NOT NULL,                 -- ms since 1970
    PRIMARY KEY (tenant, object)
  ) WITHOUT ROWID;
  `,
  `
  CREATE TABLE round_report (               -- the last rounds; see round-history.ts
    seq INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenant (pk),
    eventful INTEGER NOT NULL,              -- 1: it changed something or went wrong
    report TEXT NOT NULL                    -- JSON
  );
  CREATE INDEX round_report_order ON round_report (tenant, seq);
  INSERT INTO round_report (tenant, eventful, report) SELECT pk, 1, last_round FROM tenant WHERE last_round IS NOT NULL;
  `,
  `
  CREATE TABLE discrepancy (
    tenant INTEGER NOT NULL,
    address TEXT NOT NULL,
    kind TEXT NOT NULL,                     -- hop-accepted, hop-rejected
    domain TEXT NOT NULL,                   -- accepted domain
    count INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL,             -- how many of them were refused after the message
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    senders TEXT NOT NULL,                  -- the last few, JSON
    reply TEXT,
    PRIMARY KEY (tenant, address, kind)
  ) WITHOUT ROWID;
  CREATE INDEX discrepancy_age ON discrepancy (tenant, last_at);
  CREATE TABLE observed_day (               -- answers of the next hop that were compared with ours
    tenant INTEGER NOT NULL,
    domain TEXT NOT NULL,
    day INTEGER NOT NULL,                   -- days since 1970, UTC
    agreed INTEGER NOT NULL,
    hop_accepted INTEGER NOT NULL,
    hop_rejected INTEGER NOT NULL,
    PRIMARY KEY (tenant, domain, day)
  ) WITHOUT ROWID;
  `,
];

/** The schema that this program makes. */
export function newestSchema(): number {
  return MIGRATIONS.length;
}

/** The entries of running rounds. They live in a file of their own that is thrown away at every start. */
export const STAGING = `
  CREATE TABLE round.staged (
    seq INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    stream TEXT NOT NULL,
    id TEXT NOT NULL,
    patch TEXT NOT NULL
  );
`;

/** Made when a round is complete and dropped after it: a sort at the end costs less than a random insert an entry. */
export const STAGED_BY_OBJECT = `
  CREATE INDEX IF NOT EXISTS round.staged_by_object ON staged (tenant, stream, id, seq)
`;

/**
 * Brings the tables up to date in one transaction.
 * @throws Error when a newer version of this program made the file.
 */
export function migrate(database: Database, migrations: readonly string[] = MIGRATIONS): void {
  const version = Number(database.pragma('user_version', { simple: true }));
  if (version > migrations.length) {
    throw new Error(
      `it was made by a newer version of rcptgate (schema ${version}; this one knows up to ${migrations.length})`,
    );
  }
  database.transaction(() => {
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.pragma(`user_version = ${migrations.length}`);
  })();
}
