/**
 * A new master key for everything that is sealed. The order makes every moment safe: the new key is on the disk beside the
 * old one; then everything is sealed anew, in one transaction; then the new key takes the place of the old one. Whoever
 * opens a record takes the key that it names, in either file, so a run that is cut short leaves nothing closed, and the
 * next run goes on with the key that it finds.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { keyIdOf, NONCE_BYTES, type SealedRecord, seal, unseal } from './box.ts';
import {
  keyNamed,
  type MasterKeyFile,
  needMasterKey,
  nextKeyPath,
  readMasterKey,
  renameDurably,
} from './master-key.ts';

/** A record in its place. */
export interface PlacedRecord {
  /** The tenant's id. */
  readonly tenant: string;
  /** Which of its records. */
  readonly place: string;
  readonly record: SealedRecord;
}

/** Where all records lie; the functions may throw. */
export interface RecordPlaces<Placed extends PlacedRecord> {
  all(): readonly Placed[];
  /** All of them or none, and on the disk when it returns. */
  replace(records: readonly Placed[]): void;
}

/** What became of the records. */
export interface Rotation {
  readonly path: string;
  readonly made: boolean;
  readonly resealed: number;
  readonly already: number;
  readonly unopened: ReadonlyArray<{ readonly tenant: string; readonly place: string; readonly why: string }>;
  readonly spare: readonly string[];
}

/**
 * Seals everything anew: under a new key where the file is ours, else under the one that is handed over.
 * @throws Error in words when a key cannot be read or made, or what the places throw; everything still opens then.
 */
export function rotateKey<Placed extends PlacedRecord>(
  file: MasterKeyFile,
  places: RecordPlaces<Placed>,
): Rotation {
  const steps = rotationSteps(file, places);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same, stopping before each step, so that a test can end it there. */
export function* rotationSteps<Placed extends PlacedRecord>(
  file: MasterKeyFile,
  places: RecordPlaces<Placed>,
): Generator<'key' | 'records' | 'place', Rotation> {
  const current = readMasterKey(file);
  // A key that is there and cannot be read may be what everything is sealed with: nothing takes its place.
  if (!current.ok && !(file.own && current.problem === 'missing')) throw new Error(current.message);
  yield 'key';
  const key = keyToUse(file);
  yield 'records';
  const { fresh, ...counts } = sealAnew(places.all(), key, file);
  if (fresh.length > 0) places.replace(fresh);
  yield 'place';
  if (file.own) renameDurably(nextKeyPath(file.path), file.path);
  const spare = counts.unopened.length > 0 ? [] : (file.others ?? []).filter((each) => existsSync(each));
  return { path: file.path, made: file.own, ...counts, resealed: fresh.length, spare };
}

/** A new key beside the old one, or the one that a run before this one left there; or the one that is handed over. */
function keyToUse(file: MasterKeyFile): Buffer {
  const target = file.own ? { path: nextKeyPath(file.path), own: true } : file;
  const found = needMasterKey(target);
  if (found.ok) return found.key;
  throw new Error(`${found.message}; nothing was changed`);
}

function sealAnew<Placed extends PlacedRecord>(
  placed: readonly Placed[],
  key: Buffer,
  file: MasterKeyFile,
): Pick<Rotation, 'already' | 'unopened'> & { readonly fresh: readonly Placed[] } {
  const keyId = keyIdOf(key);
  const old = placed.filter(({ record }) => record.keyId !== keyId);
  const judged = old.map((each) => ({ each, opened: openAny(each, file) }));
  return {
    already: placed.length - old.length,
    fresh: judged.flatMap(({ each, opened }) => {
      if (!opened.ok) return [];
      const { tenant, record } = each;
      return [
        { ...each, record: seal(opened.text, { tenant, kind: record.kind }, key, randomBytes(NONCE_BYTES)) },
      ];
    }),
    unopened: judged.flatMap(({ each: { tenant, place }, opened }) =>
      opened.ok ? [] : [{ tenant, place, why: opened.why }],
    ),
  };
}

function openAny({ tenant, record }: PlacedRecord, file: MasterKeyFile) {
  const key = keyNamed(record.keyId, file);
  if (key === null) return { ok: false, why: 'it was sealed with a key that is not here' } as const;
  const opened = unseal(record, tenant, key);
  return opened.ok ? opened : ({ ok: false, why: 'it is damaged' } as const);
}
