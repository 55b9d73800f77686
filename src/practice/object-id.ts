/**
 * Object ids: GUIDs that carry the stream and a number, masked by the seed, so that an object of a million can be
 * found by its id without an index. Shape: `hhhhhhhh-hhhh-4khh-8hhh-nnnnnnnnnnnn`, k the kind, n the masked number.
 */
import type { StreamName } from '../core/recipient.ts';
import { STREAMS } from '../core/recipient.ts';
import { hash32 } from './draw.ts';

/** Where an object comes from: the generator, or a call that created it. */
export type ObjectOrigin = 'generated' | 'created';

export interface ObjectNumber {
  readonly stream: StreamName;
  readonly origin: ObjectOrigin;
  readonly index: number;
}

/** The id of an object, as Graph writes one. */
export function objectId(seed: number, { stream, origin, index }: ObjectNumber): string {
  const kind = STREAMS.indexOf(stream) + (origin === 'created' ? 8 : 0);
  const head = hex(hash32(seed, kind, index, 1), 8);
  const tail = hex(hash32(seed, kind, index, 2), 8);
  const number = `${hex(hash32(seed, kind, 3) & 0xffff, 4)}${hex((index ^ hash32(seed, kind, 4)) >>> 0, 8)}`;
  return `${head}-${tail.slice(0, 4)}-4${kind.toString(16)}${tail.slice(4, 6)}-8${tail.slice(5, 8)}-${number}`;
}

/** Reads an id back; null when this seed never made it. */
export function objectNumber(seed: number, id: string): ObjectNumber | null {
  const kind = Number.parseInt(id.slice(15, 16), 16);
  const stream = STREAMS[kind & 7];
  const masked = Number.parseInt(id.slice(28), 16);
  if (id.length !== 36 || stream === undefined || Number.isNaN(masked)) return null;
  const index = (masked ^ hash32(seed, kind, 4)) >>> 0;
  const number: ObjectNumber = { stream, origin: kind >= 8 ? 'created' : 'generated', index };
  return objectId(seed, number) === id.toLowerCase() ? number : null;
}

/** A GUID for anything that is no directory object (keys, service plans, unknown ids). */
export function guidFor(...words: readonly number[]): string {
  const part = (salt: number): string => hex(hash32(...words, salt), 8);
  const [a, b, c, d] = [part(11), part(12), part(13), part(14)];
  return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-9${c.slice(0, 3)}-${c.slice(4)}${d}`;
}

function hex(value: number, width: number): string {
  return (value >>> 0).toString(16).padStart(width, '0');
}
