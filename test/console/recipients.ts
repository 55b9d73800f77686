/** Control functions of a daemon that knows no recipients, for tests of something else. */
import type { RecipientFunctions } from '../../src/console/recipient-routes.ts';

export const NO_RECIPIENTS: RecipientFunctions = {
  search: async () => ({ items: [], next: null }),
  recipient: async () => null,
  held: async () => ({ hash: null, items: [], next: null }),
  rounds: async () => [],
  explain: async () => null,
  owners: (matches) => matches.map((match) => ({ match, tenant: null })),
};
