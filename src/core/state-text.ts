/** The state of a gateway in one line, for people who look at its service manager. */
import type { Directory } from './directory.ts';
import { freshness } from './freshness.ts';

/** `now` in ms since 1970, `limit` in ms. Tenants that are not fresh are named, three at most. */
export function stateText(listeners: number, directory: Directory, limit: number, now: number): string {
  const tenants = [...directory.values()];
  const addresses = tenants.reduce((sum, { known }) => sum + known.size, 0);
  const behind = tenants.flatMap(({ tenant, syncedAt }) => {
    const state = freshness(syncedAt, now, limit);
    return state === 'fresh' ? [] : [`${tenant} is ${state === 'empty' ? 'not read yet' : 'stale'}`];
  });
  const more = behind.length > 3 ? `, and ${behind.length - 3} more` : '';
  const troubles = behind.length === 0 ? 'fresh' : `${behind.slice(0, 3).join(', ')}${more}`;
  return `answering on ${listeners} listeners; ${addresses} addresses of ${tenants.length} tenants; ${troubles}`;
}
