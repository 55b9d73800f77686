/** What is tallied arrives in the counter once, whoever reads it. */
import { expect, it } from 'vitest';
import { addGrowth, counterGrowth, createMetrics } from '../../src/ops/metrics.ts';

const LINE = 'rcptgate_rcpt_verdicts_total{verdict="reject",reason="unknown",tenant="a"}';

it('every reader of the counter sees every verdict, once', async () => {
  const worker = createMetrics();
  const main = createMetrics();
  const growth = counterGrowth(worker);
  worker.verdicts.count('reject', 'unknown', 'a');
  worker.verdicts.count('reject', 'unknown', 'b');
  worker.verdicts.count('reject', 'unknown', 'a');
  expect(await worker.registry.metrics()).toContain(`${LINE} 2`);
  worker.verdicts.count('reject', 'unknown', 'a');
  main.verdicts.count('reject', 'unknown', 'a');
  addGrowth(main, growth());
  expect(growth()).toEqual([]);
  expect(await main.registry.metrics()).toContain(`${LINE} 4`);
  expect(await worker.registry.metrics()).toContain(`${LINE} 3`);
});
