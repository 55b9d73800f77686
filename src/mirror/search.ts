/**
 * Searching recipients step by step: each step reads one small batch by an index and says where the next begins, so that
 * nobody else waits for a search of a million objects. Addresses that begin with the text come first, then every object
 * and address that contains its words.
 */
import type { Database } from 'better-sqlite3';
import { addressesOf, type RecipientKind, type StreamName, smtpAddress } from '../core/recipient.ts';
import {
  type FoundRecipient,
  matchesWords,
  mayMatch,
  searchPrefix,
  searchWords,
} from '../core/recipient-search.ts';
import { decodeFacts, type ObjectState } from './merge.ts';
import { openDepartedPhases, openImportedPhases } from './search-addresses.ts';
import { BATCH, endOf, type Phase, type PhaseKey, type PhaseReader, takeRows } from './search-phase.ts';
import type { Tenants } from './tenants.ts';

/** What one step looks for. */
export interface StepAsk {
  readonly tenant: string;
  readonly text: string;
  /** A kind of object, `imported`, or `departed`; null for all. */
  readonly kind: string | null;
  /** Where it begins; null at the beginning. */
  readonly from: SearchPlace | null;
  /** Most items of this step, at least 1. */
  readonly room: number;
  /** Departures after this moment (ms since 1970) are in their grace period. */
  readonly graceSince: number;
}

/** A phase of the search, and the key of the last row looked at in it. */
export interface SearchPlace {
  readonly phase: number;
  readonly key: PhaseKey;
}

export interface SearchStep {
  readonly items: readonly FoundRecipient[];
  /** null: everything was looked at. */
  readonly next: SearchPlace | null;
}

/** One step of a search. */
export type Search = (ask: StepAsk) => SearchStep;

interface PhaseKind {
  /** It needs a text that may be the beginning of an address. */
  readonly prefix: boolean;
  readonly of: 'object' | 'departed' | 'imported';
  readonly read: PhaseReader;
}

/** Prepares the statements. */
export function openSearch(database: Database, tenants: Tenants): Search {
  const departed = openDepartedPhases(database);
  const imported = openImportedPhases(database);
  const phases: readonly PhaseKind[] = [
    { prefix: true, of: 'object', read: openAddressPrefix(database) },
    { prefix: true, of: 'departed', read: departed.prefix },
    { prefix: true, of: 'imported', read: imported.prefix },
    { prefix: false, of: 'object', read: openObjectScan(database) },
    { prefix: false, of: 'departed', read: departed.scan },
    { prefix: false, of: 'imported', read: imported.scan },
  ];
  return ({ tenant, text, kind, from, room, graceSince }) => {
    const row = tenants.row(tenant);
    const verified = new Set(JSON.parse(row.domains) as string[]);
    const prefix = searchPrefix(text);
    const asked: Phase = { row, verified, words: searchWords(text), prefix, kind, room, graceSince };
    const wanted = phases.map(
      (each) => (prefix !== null || !each.prefix) && (kind === null || each.of === tableOf(kind)),
    );
    const first = wanted.indexOf(true, from?.phase ?? 0);
    const phase = phases[first];
    if (!phase) return { items: [], next: null };
    const { items, key } = phase.read(asked, first === from?.phase ? from.key : null);
    if (key !== null) return { items, next: { phase: first, key } };
    const second = wanted.indexOf(true, first + 1);
    return { items, next: second < 0 ? null : { phase: second, key: null } };
  };
}

function tableOf(kind: string): PhaseKind['of'] {
  return kind === 'imported' || kind === 'departed' ? kind : 'object';
}

interface ObjectRow {
  readonly pk: number;
  readonly id: string;
  readonly stream: StreamName;
  readonly kind: RecipientKind;
  readonly facts: string;
  readonly state: ObjectState;
  readonly since: number;
}

const OBJECT = 'o.pk, o.id, o.stream, o.kind, o.facts, o.state, o.state_at AS since';

/** Every object that owns an address with the prefix, at the first such address of it. */
function openAddressPrefix(database: Database): PhaseReader {
  const read = database.prepare<[number, string, string, string, number], ObjectRow & { address: string }>(
    `SELECT a.address, ${OBJECT} FROM address AS a JOIN object AS o ON o.pk = a.object
     WHERE a.tenant = ? AND a.address >= ? AND a.address < ? AND (a.address, a.object) > (?, ?)
     ORDER BY a.address, a.object LIMIT ${BATCH}`,
  );
  return (phase, key) => {
    const prefix = phase.prefix ?? '';
    // A row value below a plain bound: SQLite seeks by one of the two, so the later one is given as both.
    const [address, object] = key ?? [prefix, -1];
    const rows = read.all(phase.row.pk, String(address), endOf(prefix), String(address), Number(object));
    return takeRows(
      rows,
      phase.room,
      (row) => [row.address, row.pk],
      (row) => {
        if (phase.kind !== null && row.kind !== phase.kind) return null;
        return firstWithPrefix(row, phase) === row.address ? foundObject(row, phase) : null;
      },
    );
  };
}

/** The address at which the prefix finds the object; undefined when it does not. */
function firstWithPrefix(row: ObjectRow, { prefix, verified }: Phase): string | undefined {
  if (row.state !== 'live' || prefix === null) return undefined;
  return addressesOf(row.stream, decodeFacts(row.facts), verified)
    .map(({ address }) => address)
    .filter((address) => address.startsWith(prefix))
    .sort()[0];
}

/** Every object whose name or addresses contain the words, but for those that the prefix finds. */
function openObjectScan(database: Database): PhaseReader {
  const read = database.prepare<[number, string, string], ObjectRow>(
    `SELECT ${OBJECT} FROM object AS o WHERE o.tenant = ? AND (o.stream, o.id) > (?, ?)
     ORDER BY o.stream, o.id LIMIT ${BATCH}`,
  );
  return (phase, key) => {
    const [stream, id] = key ?? ['', ''];
    return takeRows(
      read.all(phase.row.pk, String(stream), String(id)),
      phase.room,
      (row) => [row.stream, row.id],
      (row) => {
        if (phase.kind !== null && row.kind !== phase.kind) return null;
        if (!mayMatch(phase.words, row.facts)) return null;
        if (!matchesWords(phase.words, decodeFacts(row.facts))) return null;
        return firstWithPrefix(row, phase) === undefined ? foundObject(row, phase) : null;
      },
    );
  };
}

/** Addresses shown of an object. */
const SHOWN = 5;

function foundObject(row: ObjectRow, { row: tenant, verified, words }: Phase): FoundRecipient {
  const { stream, id, kind, state, since } = row;
  const facts = decodeFacts(row.facts);
  const entries = (facts.proxyAddresses ?? []).toSorted(primaryFirst);
  const owned =
    state === 'live' && new Set(addressesOf(stream, facts, verified).map(({ address }) => address));
  const all = entries
    .flatMap((entry) => smtpAddress(entry) ?? [])
    .filter((address) => !owned || owned.has(address));
  // What was looked for comes first, so that it is among those shown.
  const wanted = all.filter((address) => words.some((word) => address.includes(word)));
  const ordered = [...new Set([...wanted, ...all])];
  return {
    tenant: tenant.id,
    object: { stream, id },
    kind,
    displayName: facts.displayName ?? null,
    state,
    since,
    addresses: ordered.slice(0, SHOWN),
    more: Math.max(0, ordered.length - SHOWN),
  };
}

function primaryFirst(one: string, other: string): number {
  return Number(other.startsWith('SMTP:')) - Number(one.startsWith('SMTP:'));
}
