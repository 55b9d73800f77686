/** What a person may look up in the mirror: recipients, one of them in full, a held plan, the last rounds. */
import type { Database } from 'better-sqlite3';
import type { HeldPage } from '../core/recipient-search.ts';
import { openHeldAddresses } from './held-addresses.ts';
import type { HeldPlans } from './held-plans.ts';
import { openPicture, type Picture } from './picture.ts';
import { openRoundHistory } from './round-history.ts';
import { openSearch, type Search } from './search.ts';
import type { Tenants } from './tenants.ts';

export interface Looking {
  /** One step of a search among recipients. */
  readonly search: Search;
  /** Everything known of one object. */
  readonly picture: Picture;
  /** A part of the held plan, at most `limit` addresses behind the address `after`. */
  heldAddresses(tenant: string, after: string, limit: number): HeldPage;
  /** Reports (JSON) of the last rounds, the latest first. */
  rounds(tenant: string): string[];
}

/** Prepares the statements. */
export function openLooking(
  database: Database,
  tenants: Tenants,
  plans: Pick<HeldPlans, 'current'>,
): Looking {
  const history = openRoundHistory(database);
  return {
    search: openSearch(database, tenants),
    picture: openPicture(database, tenants),
    heldAddresses: openHeldAddresses(database, tenants, plans),
    rounds: (tenant) => history.last(tenants.row(tenant).pk),
  };
}
