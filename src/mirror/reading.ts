/** What the mirror tells: the directory that answers, an address explained, and counts for status. */
import type { Database, Statement } from 'better-sqlite3';
import { addressSetBuilder, addressSetBuilderFrom } from '../core/address-set.ts';
import type { StoredDirectory } from '../core/directory.ts';
import { addressesOf, type RecipientKind, type StreamName } from '../core/recipient.ts';
import type { Images } from './image.ts';
import { decodeFacts, type ObjectState } from './merge.ts';
import type { TenantRow, Tenants } from './tenants.ts';
import type { Step } from './touched.ts';

/** An object that owns an address. */
export interface AddressOwner {
  readonly tenant: string;
  readonly id: string;
  readonly stream: StreamName;
  readonly kind: RecipientKind;
  readonly displayName: string | null;
  /** The entry the address comes from, as Graph wrote it. */
  readonly attribute: string;
  readonly state: ObjectState;
}

/** An address that left its tenant. */
export interface Departure {
  readonly tenant: string;
  /** Ms since 1970. */
  readonly removedAt: number;
  /** Why the removal is held back; null when it is in its grace period. */
  readonly held: string | null;
}

export interface AddressDescription {
  readonly address: string;
  readonly owners: readonly AddressOwner[];
  readonly departures: readonly Departure[];
}

/** Counts of one tenant. */
export interface MirrorCounts {
  /** Distinct addresses known, held ones included. */
  readonly addresses: number;
  /** Live objects by kind. */
  readonly objects: Readonly<Record<string, number>>;
  /** Addresses that left and are not held. */
  readonly departed: number;
  readonly held: number;
}

export interface Reading {
  /**
   * The directory of a tenant, with the addresses that left after `since` (ms since 1970) or that no complete round
   * has confirmed to be gone.
   */
  directory(tenant: string, since: number): StoredDirectory;
  /** Told after a commit: the next reading changes the set it has, if that is the one the step starts from. */
  stepped(tenant: string, step: Step): void;
  /** Keeps the set that was read last as the image of its tenant. @throws Error of the file system. */
  saveImage(tenant: string): void;
  /** Owners and departures of a normalised address, over all tenants. */
  describe(address: string): AddressDescription;
  /** `since` (ms since 1970): departed are those that left after it. */
  counts(tenant: string, since?: number): MirrorCounts;
}

interface Built {
  readonly generation: number;
  readonly known: SharedArrayBuffer;
  /** Changes since the set was built from all rows; each may have left unused bytes. */
  readonly touched: number;
}

/** A set is built anew when more than one in so many of its addresses changed. */
const SPARE = 5;
/** Addresses per read. */
const BATCH = 20_000;

/** Prepares the statements. */
export function openReading(database: Database, tenants: Tenants, images: Images): Reading {
  const addresses = database
    .prepare<[number, string, number], string>(
      'SELECT DISTINCT address FROM address WHERE tenant = ? AND address > ? ORDER BY address LIMIT ?',
    )
    .pluck();
  const held = database
    .prepare<[number, string, number], string>(
      `SELECT address FROM departed WHERE tenant = ? AND held IS NOT NULL AND address > ?
       ORDER BY address LIMIT ?`,
    )
    .pluck();
  const departed = database
    .prepare<[number, number, number | null], [string, number]>(
      `SELECT address, removed_at FROM departed
       WHERE tenant = ? AND held IS NULL AND (removed_at > ? OR removed_at > ifnull(?, 0))`,
    )
    .raw();
  const isKnown = database
    .prepare<[number, string, number, string], number>(
      `SELECT EXISTS (SELECT 1 FROM address WHERE tenant = ? AND address = ?)
         OR EXISTS (SELECT 1 FROM departed WHERE tenant = ? AND address = ? AND held IS NOT NULL)`,
    )
    .pluck();
  const beforeFirstRound = lastResort(images, (pk) => pages(addresses, pk));
  const built = new Map<string, Built>();
  const steps = new Map<string, Step>();
  const build = (pk: number, expected: number): SharedArrayBuffer => {
    const builder = addressSetBuilder(expected);
    for (const page of pages(addresses, pk)) for (const address of page) builder.add(address);
    for (const page of pages(held, pk)) for (const address of page) builder.add(address);
    return builder.build().buffer;
  };
  const change = (pk: number, known: SharedArrayBuffer, addresses: readonly string[]): SharedArrayBuffer => {
    const builder = addressSetBuilderFrom(known);
    for (const address of addresses) {
      if (isKnown.get(pk, address, pk, address) === 1) builder.add(address);
      else builder.remove(address);
    }
    return builder.build().buffer;
  };
  const knownOf = (tenant: string, { pk, generation, addresses: expected }: TenantRow): SharedArrayBuffer => {
    const last = built.get(tenant);
    if (last?.generation === generation) return last.known;
    const step = steps.get(tenant);
    steps.delete(tenant);
    const touched = (last?.touched ?? 0) + (step?.addresses.length ?? 0);
    if (last && step?.from === last.generation && step.to === generation && touched * SPARE < expected) {
      const known = change(pk, last.known, step.addresses);
      built.set(tenant, { generation, known, touched });
      return known;
    }
    const stored = last === undefined ? images.load(tenant, generation) : null;
    const known = stored ?? build(pk, expected);
    built.set(tenant, { generation, known, touched: 0 });
    return known;
  };
  return {
    directory: database.transaction((tenant: string, since: number): StoredDirectory => {
      const row = tenants.row(tenant);
      const { pk, synced_at: syncedAt } = row;
      const known = beforeFirstRound(tenant, row) ?? knownOf(tenant, row);
      return { tenant, known, departed: departed.all(pk, since, syncedAt), syncedAt };
    }),
    stepped: (tenant, step) => void steps.set(tenant, step),
    saveImage(tenant) {
      const last = built.get(tenant);
      if (last) images.save(tenant, last.generation, last.known);
    },
    describe: openDescribe(database),
    counts: openCounts(database, tenants),
  };
}

/**
 * A mirror that has never read a tenant to the end is new, or took the place of one that was lost. Whoever was known
 * to the one before stays known until then: the last image, and what has been read since.
 */
function lastResort(
  images: Images,
  read: (pk: number) => Iterable<readonly string[]>,
): (tenant: string, row: TenantRow) => SharedArrayBuffer | null {
  const kept = new Map<string, SharedArrayBuffer | null>();
  const made = new Map<string, { readonly generation: number; readonly known: SharedArrayBuffer }>();
  return (tenant, { pk, generation, synced_at: syncedAt }) => {
    if (syncedAt !== null) return null;
    if (!kept.has(tenant)) kept.set(tenant, images.loadLast(tenant));
    const image = kept.get(tenant) ?? null;
    if (image === null) return null;
    const last = made.get(tenant);
    if (last?.generation === generation) return last.known;
    const builder = addressSetBuilderFrom(image);
    for (const page of read(pk)) for (const address of page) builder.add(address);
    const { buffer: known } = builder.build();
    made.set(tenant, { generation, known });
    return known;
  };
}

function* pages(statement: Statement<[number, string, number], string>, pk: number): Generator<string[]> {
  for (let from = ''; ; ) {
    const page = statement.all(pk, from, BATCH);
    yield page;
    from = page.at(-1) ?? from;
    if (page.length < BATCH) return;
  }
}

interface OwnerRow {
  readonly tenant: string;
  readonly domains: string;
  readonly id: string;
  readonly stream: StreamName;
  readonly kind: RecipientKind;
  readonly facts: string;
  readonly state: ObjectState;
}

function openDescribe(database: Database): Reading['describe'] {
  const owners = database.prepare<[string], OwnerRow>(
    `SELECT t.id AS tenant, t.domains, o.id, o.stream, o.kind, o.facts, o.state
     FROM tenant AS t JOIN address AS a ON a.tenant = t.pk AND a.address = ? JOIN object AS o ON o.pk = a.object
     ORDER BY t.pk, o.pk`,
  );
  const departures = database.prepare<[string], Departure>(
    `SELECT t.id AS tenant, d.removed_at AS removedAt, d.held
     FROM tenant AS t JOIN departed AS d ON d.tenant = t.pk AND d.address = ? ORDER BY t.pk`,
  );
  return (address) => ({
    address,
    owners: owners.all(address).map((row) => ownerOf(row, address)),
    departures: departures.all(address),
  });
}

function ownerOf({ domains, facts: stored, ...row }: OwnerRow, address: string): AddressOwner {
  const facts = decodeFacts(stored);
  const verified = new Set(JSON.parse(domains) as string[]);
  const owned = addressesOf(row.stream, facts, verified).find((entry) => entry.address === address);
  return { ...row, displayName: facts.displayName ?? null, attribute: owned?.attribute ?? address };
}

function openCounts(database: Database, tenants: Tenants): Reading['counts'] {
  const kinds = database
    .prepare<[number], [string, number]>(
      "SELECT kind, count(*) FROM object WHERE tenant = ? AND state = 'live' GROUP BY kind",
    )
    .raw();
  const departed = database.prepare<[number, number], { departed: number; held: number }>(
    `SELECT count(*) FILTER (WHERE held IS NULL AND removed_at > ?) AS departed, count(held) AS held
     FROM departed WHERE tenant = ?`,
  );
  return (tenant, since = 0) => {
    const { pk, addresses } = tenants.row(tenant);
    const left = departed.get(since, pk) ?? { departed: 0, held: 0 };
    return { ...left, addresses: addresses + left.held, objects: Object.fromEntries(kinds.all(pk)) };
  };
}
