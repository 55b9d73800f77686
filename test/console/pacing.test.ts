/** What the console asks of the daemon comes one after another, never all at once. */
import { expect, it } from 'vitest';
import type { Daemon } from '../../src/console/site/daemon.ts';
import { paced } from '../../src/console/site/pacing.ts';

it('begins one request in each gap, in order, and none late when nobody waits', async () => {
  let time = 100;
  const begun: string[] = [];
  const waits: number[] = [];
  const note = (path: string) => begun.push(path);
  const daemon: Daemon = {
    get: async (path) => note(path),
    post: async (path, body) => note(`${path} ${body}`),
    async *lines(path) {
      note(path);
      yield 1;
      yield 2;
    },
  };
  const clock = { now: () => time, sleep: async (ms: number) => waits.push(ms) };
  const slow = paced(daemon, 3, clock);
  await Promise.all([slow.get('a'), slow.post('b', 'x'), slow.get('c')]);
  expect([begun, waits]).toEqual([
    ['a', 'b x', 'c'],
    [3, 6],
  ]);
  time = 200;
  const lines: unknown[] = [];
  for await (const line of slow.lines('d', null)) lines.push(line);
  expect([lines, begun.at(-1), waits.length]).toEqual([[1, 2], 'd', 2]);
});
