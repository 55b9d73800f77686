/** Orders of entries: Graph promises none, so a tenant can be asked for a bad one. It is the same on every page. */
import { hash32 } from './draw.ts';
import type { SwitchValues } from './switches.ts';

/** The items in the order asked for; `by-object` keeps the order of items with one id. */
export function shuffled<T extends { readonly id: string }>(
  items: readonly T[],
  order: SwitchValues['shuffle'],
  seed: number,
): readonly T[] {
  if (order === 'off') return items;
  const keyed = items.map((item, index) => ({
    item,
    key: hash32(seed, textHash(item.id), order === 'any' ? index : 0),
  }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

function textHash(text: string): number {
  return hash32(...[...text].map((character) => character.charCodeAt(0)));
}
