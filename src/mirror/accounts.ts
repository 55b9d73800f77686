/** People who may enter the console because an administrator said so there. */
import type { Database } from 'better-sqlite3';

export interface AccountRow {
  /** Ids of the tenant and of the person's object in it. */
  readonly tenant: string;
  readonly object: string;
  readonly name: string;
  readonly role: 'admin' | 'reader';
  /** Ms since 1970. */
  readonly since: number;
}

export interface Accounts {
  all(): AccountRow[];
  /** Adds one, or replaces it. @throws Error when the list is full. */
  put(account: AccountRow): void;
  remove(tenant: string, object: string): void;
}

/** An app role is the way for more. */
const MOST = 200;

/** Prepares the statements. */
export function openAccounts(database: Database): Accounts {
  const all = database.prepare<[], AccountRow>(
    'SELECT tenant, object, name, role, since FROM account ORDER BY since, tenant, object',
  );
  const others = database
    .prepare<[string, string], number>('SELECT count(*) FROM account WHERE NOT (tenant = ? AND object = ?)')
    .pluck();
  const insert = database.prepare<AccountRow>(
    `INSERT OR REPLACE INTO account (tenant, object, name, role, since)
     VALUES (@tenant, @object, @name, @role, @since)`,
  );
  const remove = database.prepare<[string, string]>('DELETE FROM account WHERE tenant = ? AND object = ?');
  return {
    all: () => all.all(),
    put: database.transaction((account: AccountRow) => {
      if ((others.get(account.tenant, account.object) ?? 0) >= MOST) {
        throw new Error(`${MOST} accounts are remembered already; give the app role Gateway.Admin instead`);
      }
      insert.run(account);
    }),
    remove: (tenant, object) => void remove.run(tenant, object),
  };
}
