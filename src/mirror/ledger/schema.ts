/** The tables of the rejection log, and how older files become newer ones; see `migrate` in ../schema.ts. */

export const LEDGER_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE rejection (
    id INTEGER PRIMARY KEY,
    first_at INTEGER NOT NULL,              -- times are in ms since 1970
    last_at INTEGER NOT NULL,
    count INTEGER NOT NULL,                 -- answers in this row
    kind TEXT NOT NULL,                     -- recipient, message, session
    code INTEGER NOT NULL,
    reason TEXT NOT NULL,
    client TEXT NOT NULL,
    real_client TEXT NOT NULL,
    address TEXT,                           -- the recipient in its normal form
    domain TEXT,
    tenant TEXT,
    source TEXT NOT NULL,
    ref INTEGER,                            -- from here on: of the last answer
    helo TEXT,
    tls TEXT,
    mail_from TEXT,
    rcpt TEXT,
    directory_age INTEGER,
    session TEXT NOT NULL,
    detail TEXT,
    regret INTEGER                          -- regret.id once the address was found in the directory
  );
  -- Rows are made in order of time, so this index only grows at its end. There is no index over anything a client chooses:
  -- a flood would pay for it at random places, and a question reads the few hundred thousand rows in less than a second.
  CREATE INDEX rejection_time ON rejection (first_at);
  CREATE TABLE reference (                  -- some hundred references in a row: number, second, rejection.id, each a 32-bit word
    id INTEGER PRIMARY KEY,
    last_at INTEGER NOT NULL,
    entries BLOB NOT NULL
  );
  CREATE TABLE history (
    at INTEGER NOT NULL,
    tenant TEXT NOT NULL,                   -- '' when no accepted domain was asked for
    domain TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    deferred INTEGER NOT NULL,
    PRIMARY KEY (at, tenant, domain)
  ) WITHOUT ROWID;
  CREATE TABLE regret (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    address TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    senders TEXT NOT NULL,                  -- JSON list
    clients TEXT NOT NULL,                  -- JSON list
    UNIQUE (tenant, address, found_at)
  );
  CREATE TABLE last_batch (                 -- so that a batch which is sent again is not counted again
    only INTEGER PRIMARY KEY CHECK (only = 1),
    run TEXT NOT NULL,
    id INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    aggregated INTEGER NOT NULL
  );
  `,
];
