/** The learning thread's answers about recipients and rounds, for whoever looks at them: they change nothing. */
import type { StreamName } from '../core/recipient.ts';
import type { HeldPage, RecipientPicture } from '../core/recipient-search.ts';
import type { RequestHandlers } from './protocol.ts';
import type { RoundReport } from './report.ts';
import { openSearching, type SearchSteps } from './searching.ts';

/** What is kept of recipients and rounds. */
export interface RecipientStore {
  readonly search: SearchSteps;
  picture(tenant: string, stream: StreamName, id: string, graceSince: number): RecipientPicture | null;
  heldAddresses(tenant: string, after: string, limit: number): HeldPage;
  rounds(tenant: string): readonly string[];
}

export interface RecipientLimits {
  /** Ids of the configured tenants: the mirror may still hold others. */
  readonly tenants: readonly string[];
  /** Ms. */
  readonly gracePeriod: number;
}

/** Addresses of a page of a held plan. */
const HELD_PAGE = 200;

type RecipientRequest = 'search' | 'recipient' | 'held' | 'rounds';

/** Handlers over `store`, which throws while there is none. `now` is in ms since 1970. */
export function recipientHandlers(
  store: () => RecipientStore,
  { tenants, gracePeriod }: RecipientLimits,
  now: () => number,
): Pick<RequestHandlers, RecipientRequest> {
  const searching = openSearching();
  const known = (tenant: string): string => {
    if (!tenants.includes(tenant)) throw new Error(`there is no tenant ${tenant}`);
    return tenant;
  };
  return {
    async search(ask) {
      known(ask.tenant);
      return searching(ask, store().search, now() - gracePeriod);
    },
    recipient: async ({ tenant, stream, id }) =>
      store().picture(known(tenant), stream, id, now() - gracePeriod),
    held: async ({ tenant, after }) => store().heldAddresses(known(tenant), after, HELD_PAGE),
    rounds: async ({ tenant, limit }) =>
      store()
        .rounds(known(tenant))
        .slice(0, limit ?? undefined)
        .map((report) => JSON.parse(report) as RoundReport),
  };
}
