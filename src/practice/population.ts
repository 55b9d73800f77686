/**
 * The generated population: any number of users, with a tenth as many groups and a twentieth as many contacts.
 * Every object is a pure function of (seed, stream, index) and nothing is kept, so a tenant of millions costs nothing
 * until somebody reads it. Every generated address holds the object's index in digits, so that the owner of an
 * address is found without an index either.
 */
import type { StreamName } from '../core/recipient.ts';
import { STREAMS } from '../core/recipient.ts';
import type { Draw } from './draw.ts';
import { drawsFor } from './draw.ts';
import { generatedContact, generatedGroup } from './generated-groups.ts';
import { generatedUser } from './generated-users.ts';
import { objectId, objectNumber } from './object-id.ts';
import type { ObjectFields, PracticeObject } from './objects.ts';

export interface Population {
  readonly seed: number;
  count(stream: StreamName): number;
  /** The object at an index below {@link count}, as it was before anybody changed it. */
  at(stream: StreamName, index: number): PracticeObject;
  byId(id: string): PracticeObject | undefined;
  /** Every generated object that might own the address; the caller compares. */
  candidates(address: string): PracticeObject[];
}

const GENERATORS: Readonly<Record<StreamName, (draw: Draw, index: number) => ObjectFields>> = {
  users: generatedUser,
  groups: generatedGroup,
  contacts: generatedContact,
};

/** The population of `seed` with `users` generated users. */
export function populationOf(seed: number, users: number): Population {
  const counts = { users, groups: Math.floor(users / 10), contacts: Math.floor(users / 20) };
  const at = (stream: StreamName, index: number): PracticeObject => {
    const draw = drawsFor(seed, STREAMS.indexOf(stream), index);
    const id = objectId(seed, { stream, origin: 'generated', index });
    return { id, stream, state: 'live', fields: GENERATORS[stream](draw, index) };
  };
  return {
    seed,
    count: (stream) => counts[stream],
    at,
    byId(id) {
      const number = objectNumber(seed, id);
      if (number?.origin !== 'generated' || number.index >= counts[number.stream]) return undefined;
      return at(number.stream, number.index);
    },
    candidates(address) {
      const index = indexIn(address);
      return index === null ? [] : STREAMS.filter((s) => index < counts[s]).map((s) => at(s, index));
    },
  };
}

function indexIn(address: string): number | null {
  const local = address.slice(0, address.lastIndexOf('@'));
  const digits = /(\d+)\D*$/.exec(local)?.[1];
  return digits === undefined || digits.length > 9 ? null : Number(digits);
}
