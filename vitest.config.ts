// How the tests run: real processes and sockets, so forked workers and a generous time limit.
import os from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/temporary.ts',
    pool: 'forks',
    // Most tests wait for processes of their own, so a second worker costs little and halves the time, also on two cores.
    maxWorkers: Math.max(2, Math.floor(os.availableParallelism() / 2)),
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
