/** One temporary folder for a whole test run, so that nothing is left behind whatever the tests leave. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** vitest calls it once before the tests; what it returns is called after them. */
export function setup(): () => void {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-tests-'));
  // Mail programs of the interop tests run as users of their own and must get through.
  chmodSync(folder, 0o755);
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
