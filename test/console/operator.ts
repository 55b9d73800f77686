/** Control functions of a daemon whose operator never said anything, for tests of something else. */
import type { DoorFunctions } from '../../src/console/door-routes.ts';
import type { OperatorFunctions } from '../../src/console/operator-routes.ts';

export const SILENT_OPERATOR: OperatorFunctions = {
  overrides: async () => [],
  addOverride: async () => ({ ok: false, problems: [] }),
  removeOverride: async (match) => ({ match, removed: null, inFile: false }),
  importList: async () => ({ ok: false, problem: 'no import here' }),
  coverage: async () => [],
};

/** The same of one that exports nothing. */
export const SILENT_DOORS: DoorFunctions = {
  gaps: () => [],
  list: async () => ({ ok: false, problem: 'no export here' }),
  write: async () => [],
};
