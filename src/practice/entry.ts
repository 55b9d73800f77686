/** Entries and pages as Graph writes them: what a list shows of an object, and what a delta round does. */
import type { StreamName } from '../core/recipient.ts';
import type { ObjectFields, PracticeObject } from './objects.ts';
import { COLLECTIONS, propertyOf } from './objects.ts';

/** One element of `value`. Its properties are those of the Graph type of its stream. */
export type Entry = ObjectFields & {
  readonly id: string;
  readonly '@removed'?: { readonly reason: 'changed' | 'deleted' };
};

/** A page of a list or of a delta round; it has at most one of the links. */
export interface Page {
  readonly '@odata.context': string;
  readonly '@odata.count'?: number;
  readonly '@odata.nextLink'?: string;
  readonly '@odata.deltaLink'?: string;
  readonly value: readonly Entry[];
}

/** The entry of a list: unset scalars are null, unset collections empty. */
export function listEntry(object: PracticeObject, properties: readonly string[]): Entry {
  const values = properties.map((name) => [
    name,
    propertyOf(object, name) ?? (COLLECTIONS.has(name) ? [] : null),
  ]);
  return { ...Object.fromEntries(values), id: object.id };
}

/** The entry of a delta round: properties that were never set are left out, nulls are explicit. */
export function deltaEntry(object: PracticeObject, properties: readonly string[]): Entry {
  if (object.state !== 'live')
    return removedEntry(object.id, object.state === 'deleted' ? 'changed' : 'deleted');
  const values = properties.map((name) => [name, propertyOf(object, name)]);
  return { ...Object.fromEntries(values.filter(([, value]) => value !== undefined)), id: object.id };
}

/** The entry of an object that is gone. */
export function removedEntry(id: string, reason: 'changed' | 'deleted'): Entry {
  return { id, '@removed': { reason } };
}

/** `@odata.context` of a page. */
export function contextOf(origin: string, stream: StreamName, select: readonly string[] | null): string {
  const properties = select === null ? '' : `(${select.join(',')})`;
  return `${origin}/v1.0/$metadata#${stream}${properties}`;
}
