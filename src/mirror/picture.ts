/** Everything that the mirror knows of one object, entry by entry. */
import type { Database } from 'better-sqlite3';
import { addressesOf, type RecipientKind, type StreamName, smtpAddress } from '../core/recipient.ts';
import type { EntryStanding, RecipientEntry, RecipientPicture } from '../core/recipient-search.ts';
import { decodeFacts, type ObjectState } from './merge.ts';
import type { Tenants } from './tenants.ts';

/** The object, or null when the mirror has none; departures after `graceSince` (ms since 1970) are in their grace period. */
export type Picture = (
  tenant: string,
  stream: StreamName,
  id: string,
  graceSince: number,
) => RecipientPicture | null;

interface ObjectRow {
  readonly kind: RecipientKind;
  readonly facts: string;
  readonly state: ObjectState;
  readonly since: number;
}

interface Left {
  readonly removedAt: number;
  readonly held: string | null;
}

/** Ms. */
const DAY = 86_400_000;

/** Prepares the statements. */
export function openPicture(database: Database, tenants: Tenants): Picture {
  const find = database.prepare<[number, string, string], ObjectRow>(
    'SELECT kind, facts, state, state_at AS since FROM object WHERE tenant = ? AND stream = ? AND id = ?',
  );
  const departed = database.prepare<[number, string], Left>(
    'SELECT removed_at AS removedAt, held FROM departed WHERE tenant = ? AND address = ?',
  );
  const mail = database
    .prepare<[number, string], number>('SELECT day FROM recent_mail WHERE tenant = ? AND address = ?')
    .pluck();
  return (tenant, stream, id, graceSince) => {
    const { pk, domains } = tenants.row(tenant);
    const row = find.get(pk, stream, id);
    if (!row) return null;
    const facts = decodeFacts(row.facts);
    const owned = addressesOf(stream, facts, new Set(JSON.parse(domains) as string[]));
    const known = new Set(row.state === 'live' ? owned.map(({ address }) => address) : []);
    const standing = (address: string): EntryStanding => {
      if (known.has(address)) return 'known';
      const left = departed.get(pk, address);
      if (left) return leftStanding(left, graceSince);
      return row.state === 'live' ? 'not-verified' : 'gone';
    };
    const entries = (facts.proxyAddresses ?? []).map((entry): RecipientEntry => {
      const address = smtpAddress(entry);
      if (address === null) return { entry, address, primary: false, standing: 'not-smtp', lastMail: null };
      const day = mail.get(pk, address);
      const lastMail = day === undefined ? null : day * DAY;
      return { entry, address, primary: entry.startsWith('SMTP:'), standing: standing(address), lastMail };
    });
    const { kind, state, since } = row;
    return { tenant, object: { stream, id }, kind, state, since, facts, entries };
  };
}

function leftStanding({ removedAt, held }: Left, graceSince: number): EntryStanding {
  if (held !== null) return 'held';
  return removedAt > graceSince ? 'grace' : 'gone';
}
