/** The phases of a search over addresses that no object owns: those that left their tenant, and imported ones. */
import type { Database } from 'better-sqlite3';
import type { RecipientState } from '../core/recipient-search.ts';
import { BATCH, endOf, type Phase, type PhaseReader, takeRows } from './search-phase.ts';

/** The two ways to look through one table of addresses. */
export interface AddressPhases {
  /** Those that begin with the text. */
  readonly prefix: PhaseReader;
  /** Those that contain its words, but for the ones that begin with it. */
  readonly scan: PhaseReader;
}

interface Row {
  readonly address: string;
  readonly kind: string;
  readonly since: number | null;
  readonly held: string | null;
}

/** Addresses that left their tenant. */
export function openDepartedPhases(database: Database): AddressPhases {
  return openPhases(
    database,
    `SELECT a.address, 'address' AS kind, a.removed_at AS since, a.held FROM departed AS a`,
    ({ held, since }, { graceSince }) =>
      held !== null ? 'held' : since !== null && since > graceSince ? 'grace' : 'gone',
  );
}

/** Addresses of the import from Exchange. */
export function openImportedPhases(database: Database): AddressPhases {
  return openPhases(
    database,
    `SELECT a.address, a.type AS kind, i.imported_at AS since, NULL AS held
     FROM imported AS a LEFT JOIN import AS i ON i.tenant = a.tenant`,
    () => 'imported',
  );
}

function openPhases(
  database: Database,
  select: string,
  stateOf: (row: Row, phase: Phase) => RecipientState,
): AddressPhases {
  const read = database.prepare<[number, string, string, string], Row>(
    `${select} WHERE a.tenant = ? AND a.address >= ? AND a.address < ? AND a.address > ?
     ORDER BY a.address LIMIT ${BATCH}`,
  );
  const reader =
    (prefixOf: (phase: Phase) => string, wanted: (address: string, phase: Phase) => boolean): PhaseReader =>
    (phase, key) => {
      const prefix = prefixOf(phase);
      const rows = read.all(phase.row.pk, prefix, endOf(prefix), String(key?.[0] ?? ''));
      const item = (row: Row) =>
        wanted(row.address, phase)
          ? {
              tenant: phase.row.id,
              object: null,
              kind: row.kind,
              displayName: null,
              state: stateOf(row, phase),
              since: row.since,
              addresses: [row.address],
              more: 0,
            }
          : null;
      return takeRows(rows, phase.room, (row) => [row.address, ''], item);
    };
  return {
    prefix: reader(
      ({ prefix }) => prefix ?? '',
      () => true,
    ),
    scan: reader(
      () => '',
      (address, { words, prefix }) =>
        words.every((word) => address.includes(word)) && (prefix === null || !address.startsWith(prefix)),
    ),
  };
}
