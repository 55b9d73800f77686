/** The histogram of answer times: what Prometheus reads, and what a worker hands over. */
import { expect, it } from 'vitest';
import { addGrowth, counterGrowth, createMetrics } from '../../src/ops/metrics.ts';

const lines = async (metrics: ReturnType<typeof createMetrics>): Promise<string[]> =>
  (await metrics.registry.metrics())
    .split('\n')
    .filter((line) => line.startsWith('rcptgate_rcpt_answer_seconds'));

it('counts cumulatively, and grows by what a worker counted', async () => {
  const [worker, main] = [createMetrics(), createMetrics()];
  const growth = counterGrowth(worker);
  for (const ms of [0.05, 0.2, 3, 60_000]) worker.answerTimes.observe(ms);
  addGrowth(main, growth());
  addGrowth(main, growth());
  worker.answerTimes.observe(0.05);
  addGrowth(main, growth());
  const told = await lines(main);
  expect(told).toEqual(await lines(worker));
  expect(told).toContain('rcptgate_rcpt_answer_seconds_bucket{le="0.0001"} 2');
  expect(told).toContain('rcptgate_rcpt_answer_seconds_bucket{le="0.005"} 4');
  expect(told).toContain('rcptgate_rcpt_answer_seconds_bucket{le="30"} 4');
  expect(told).toContain('rcptgate_rcpt_answer_seconds_bucket{le="+Inf"} 5');
  expect(told).toContain('rcptgate_rcpt_answer_seconds_count 5');
});
