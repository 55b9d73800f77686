/**
 * The tenant's objects: the generated population, never built up front, under an overlay of what was created or
 * changed. Each stream has positions (named objects, then generated, then created later) that stay what they are
 * while objects change, so a page can go on from where the last one ended.
 */
import { normaliseAddress } from '../core/address.ts';
import type { StreamName } from '../core/recipient.ts';
import { smtpAddress } from '../core/recipient.ts';
import type { ChangeDraft } from './changes.ts';
import { NAMED_OBJECTS } from './named-objects.ts';
import { objectId, objectNumber } from './object-id.ts';
import type { ObjectState, PracticeObject } from './objects.ts';
import type { Population } from './population.ts';

export interface ObjectStore {
  /** Positions of a stream, those of deleted objects included. */
  length(stream: StreamName): number;
  at(stream: StreamName, position: number): PracticeObject | undefined;
  get(id: string): PracticeObject | undefined;
  /** The objects that are no longer as they were generated, the named ones among them. */
  changed(stream: StreamName): PracticeObject[];
  /** The id of the next object to be created in a stream. */
  nextId(stream: StreamName): string;
  /** Replaces or adds the object that the change is about. */
  apply(change: ChangeDraft): void;
  /** Live objects with an `SMTP:`/`smtp:` entry of this address, by the normalised address. */
  owners(address: string): PracticeObject[];
  /** Live objects that hold this exact text as id, mail, user principal name or address entry, case folded. */
  holders(text: string): PracticeObject[];
}

const STATES: Readonly<Record<ChangeDraft['kind'], ObjectState>> = {
  created: 'live',
  updated: 'live',
  restored: 'live',
  deleted: 'deleted',
  purged: 'purged',
};

/** The objects of a population with the named ones in front. */
export function objectStore(population: Population): ObjectStore {
  const overlay = new Map<string, PracticeObject>();
  const created: Record<StreamName, string[]> = { users: [], groups: [], contacts: [] };
  const index = new Map<string, Set<string>>();
  const get = (id: string): PracticeObject | undefined => overlay.get(id) ?? population.byId(id);
  const nextId = (stream: StreamName): string =>
    objectId(population.seed, { stream, origin: 'created', index: created[stream].length });

  function apply({ stream, id, kind, fields }: ChangeDraft): void {
    const old = get(id);
    if (old === undefined) created[stream].push(id);
    const object = { id, stream, state: STATES[kind], fields: { ...old?.fields, ...fields } };
    overlay.set(id, object);
    for (const key of old === undefined ? [] : keysOf(old)) index.get(key)?.delete(id);
    for (const key of keysOf(object)) index.set(key, (index.get(key) ?? new Set()).add(id));
  }

  for (const { stream, fields } of NAMED_OBJECTS)
    apply({ stream, id: nextId(stream), kind: 'created', fields });
  const named: Record<StreamName, number> = {
    users: created.users.length,
    groups: created.groups.length,
    contacts: created.contacts.length,
  };

  return {
    length: (stream) => created[stream].length + population.count(stream),
    at(stream, position) {
      const generated = position - named[stream];
      const count = population.count(stream);
      if (generated >= 0 && generated < count) {
        const object = population.at(stream, generated);
        return overlay.get(object.id) ?? object;
      }
      return overlay.get(created[stream][generated < 0 ? position : position - count] ?? '');
    },
    get: (id) => get(id.toLowerCase()),
    changed: (stream) => [...overlay.values()].filter((object) => object.stream === stream),
    nextId,
    apply,
    owners: (address) => find(address).filter((object) => addressKeys(object).includes(address)),
    holders: (text) =>
      find(text.toLowerCase()).filter((object) => keysOf(object).includes(text.toLowerCase())),
  };

  /** Live objects that may be meant: the caller compares. */
  function find(key: string): PracticeObject[] {
    const found = new Map<string, PracticeObject>();
    const ids = [...(index.get(key) ?? []), ...(objectNumber(population.seed, key) === null ? [] : [key])];
    for (const id of ids) found.set(id, get(id) as PracticeObject);
    for (const { id } of population.candidates(key)) found.set(id, get(id) as PracticeObject);
    return [...found.values()].filter((object) => object?.state === 'live');
  }
}

function addressKeys(object: PracticeObject): string[] {
  const entries = object.fields.proxyAddresses ?? [];
  return entries.map((entry) => smtpAddress(entry)).filter((address) => address !== null);
}

/** What an object is found by: every spelling lower-cased, entries with and without prefix, and normalised. */
function keysOf(object: PracticeObject): string[] {
  const { mail, userPrincipalName, proxyAddresses = [] } = object.fields;
  const texts = [mail ?? '', userPrincipalName ?? '', ...proxyAddresses].filter((text) => text !== '');
  const bare = proxyAddresses.map((entry) => entry.slice(entry.indexOf(':') + 1));
  const keys = [object.id, ...texts, ...bare].map((text) => text.toLowerCase());
  return [...new Set([...keys, ...addressKeys(object), normaliseAddress(mail ?? '') ?? ''])];
}
