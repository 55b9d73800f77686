/** Control functions of a daemon that never refused anybody, for tests of something else. */
import type { RejectionFunctions } from '../../src/console/rejections-routes.ts';

export const NO_REJECTIONS: RejectionFunctions = {
  list: async () => ({ rows: [], next: null }),
  top: async () => [],
  history: async ({ since, until, step }) => ({ from: since, to: until, step, buckets: [] }),
  reference: async () => [],
  regrets: async () => ({ rows: [], next: null }),
};
