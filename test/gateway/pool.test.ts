/** The pool of worker threads: one dies, the others go on, and it comes back. */
import { once } from 'node:events';
import net from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { WorkerTrouble } from '../../src/ops/listener-events.ts';

// The child that duplicates descriptors exists compiled only.
const COMPILED = new URL('../../dist/workers.js', import.meta.url).href;
const { openWorkers } = (await import(COMPILED)) as typeof import('../../src/workers.ts');
const VICTIM = new URL('../smtp/victim-worker.mjs', import.meta.url);

/** A connection that has been greeted by a worker; the worker's number. */
async function connected(port: number): Promise<{ socket: net.Socket; worker: string }> {
  const socket = net.connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const [hello] = await once(socket, 'data');
  return { socket, worker: String(hello).trim() };
}

/** Greetings until every worker in `wanted` was met. */
async function meet(port: number, wanted: readonly string[]): Promise<void> {
  const missing = new Set(wanted);
  for (let tries = 0; missing.size > 0 && tries < 2000; tries += 1) {
    const { socket, worker } = await connected(port);
    socket.destroy();
    missing.delete(worker);
  }
  expect([...missing]).toEqual([]);
}

it('restarts a worker that dies, on a descriptor of its own, while the others answer', async () => {
  const troubles: WorkerTrouble[] = [];
  const closers: Array<() => PromiseLike<unknown>> = [];
  onTestFinished(async () => {
    for (const close of closers) await close();
  });
  const config = {
    workers: 3,
    stopTimeout: 1000,
    smtp: [{ host: '127.0.0.1', port: 0 }],
  } as unknown as Config;
  const unused = {} as never;
  const { listeners, state } = await openWorkers(
    {
      live: { config },
      certificates: { first: () => null } as never,
      ...{
        lookups: null,
        harvest: unused,
        noted: unused,
        observed: unused,
        accepted: unused,
        directories: [],
        told: unused,
      },
      ...{ log: () => undefined, count: () => undefined, follow: () => undefined },
      trouble: (trouble) => void troubles.push(trouble),
    },
    [null],
    closers,
    VICTIM,
  );
  const port = listeners[0]?.address().port ?? 0;
  await meet(port, ['0', '1', '2']);
  for (let death = 1; death <= 3; death += 1) {
    const { socket, worker } = await connected(port);
    const survivor = await connected(port);
    socket.write('die');
    await once(socket, 'close').catch(() => undefined);
    await meet(
      port,
      ['0', '1', '2'].filter((each) => each !== worker),
    );
    if (survivor.worker !== worker) expect(survivor.socket.destroyed).toBe(false);
    await meet(port, [worker]);
    expect(troubles).toHaveLength(death);
    expect(troubles.at(-1)).toMatchObject({ worker: Number(worker), error: 'told to die' });
  }
  expect(state().reduce((sum, { restarts }) => sum + restarts, 0)).toBe(3);
});
