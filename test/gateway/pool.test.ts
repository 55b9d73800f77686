/** The pool of worker threads: one dies or hangs, the others go on, and it comes back. */
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { WorkerTrouble } from '../../src/ops/listener-events.ts';
import type { WorkersParts } from '../../src/worker-protocol.ts';
import { PATIENCE, Silence } from '../../src/worker-watch.ts';
import { eventually } from '../interop/eventually.ts';

// The child that duplicates descriptors exists compiled only.
const COMPILED = new URL('../../dist/workers.js', import.meta.url).href;
const { openWorkers } = (await import(COMPILED)) as typeof import('../../src/workers.ts');
const VICTIM = new URL('../smtp/victim-worker.mjs', import.meta.url);
/** A victim tells something 20 times a second; two seconds of silence are a hang even on a busy machine. */
const PATIENT = { lookEvery: 400, hung: 5, stuck: 7 };
const ALL = ['0', '1', '2'];

/** A connection that has been greeted by a worker; the worker's number. */
async function connected(port: number): Promise<{ socket: net.Socket; worker: string }> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  const [hello] = await once(socket, 'data');
  return { socket, worker: String(hello).trim() };
}

/** A connection to this worker. */
async function connectedTo(port: number, worker: string): Promise<net.Socket> {
  for (;;) {
    const each = await connected(port);
    if (each.worker === worker) return each.socket;
    each.socket.destroy();
  }
}

/** Greetings until every worker in `wanted` was met. */
async function meet(port: number, wanted: readonly string[]): Promise<void> {
  const missing = new Set(wanted);
  const deadline = performance.now() + 20_000;
  while (missing.size > 0 && performance.now() < deadline) {
    const { socket, worker } = await connected(port);
    socket.destroy();
    missing.delete(worker);
  }
  expect([...missing]).toEqual([]);
}

const others = (worker: string): string[] => ALL.filter((each) => each !== worker);

async function tell(socket: net.Socket, word: string): Promise<string> {
  socket.write(word);
  return String((await once(socket, 'data'))[0]);
}

/** A pool of victims. */
async function openPool(workers: number, more: Partial<WorkersParts> = {}) {
  const troubles: WorkerTrouble[] = [];
  const stuck: number[] = [];
  const closers: Array<() => PromiseLike<unknown>> = [];
  onTestFinished(async () => {
    for (const close of closers) await close();
  });
  const config = { workers, stopTimeout: 1000, smtp: [{ host: '127.0.0.1', port: 0 }] } as unknown as Config;
  const unused = {} as never;
  const parts: WorkersParts = {
    live: { config },
    certificates: { first: () => null } as never,
    harvest: { state: () => ({ denied: [] }) } as never,
    ...{
      lookups: null,
      noted: { free: () => 0 } as never,
      observed: unused,
      accepted: unused,
      directories: [],
      told: unused,
    },
    ...{ log: () => undefined, count: () => undefined, follow: () => undefined },
    trouble: (trouble) => void troubles.push(trouble),
    stuck: (worker) => void stuck.push(worker),
    ...more,
  };
  const { listeners, state } = await openWorkers(parts, [null], closers, VICTIM, PATIENT);
  return { port: listeners[0]?.address().port ?? 0, state, troubles, stuck };
}

describe('a worker of several', () => {
  it('that dies is started again, on a descriptor of its own, while the others answer', async () => {
    const { port, state, troubles } = await openPool(3);
    await meet(port, ALL);
    for (let death = 1; death <= 3; death += 1) {
      const { socket, worker } = await connected(port);
      const survivor = await connected(port);
      socket.write('die');
      if (!socket.destroyed) await once(socket, 'close').catch(() => undefined);
      await meet(port, others(worker));
      if (survivor.worker !== worker) expect(survivor.socket.destroyed).toBe(false);
      await meet(port, [worker]);
      expect(troubles).toHaveLength(death);
      expect(troubles.at(-1)).toMatchObject({ worker: Number(worker), error: 'told to die' });
    }
    expect(state().reduce((sum, { restarts }) => sum + restarts, 0)).toBe(3);
  });

  it('that hangs is ended and started again; nobody new waits for it', async () => {
    const { port, troubles, stuck } = await openPool(3);
    await meet(port, ALL);
    const { socket, worker } = await connected(port);
    const fellow = await connectedTo(port, worker);
    const cutOff = Promise.all([socket, fellow].map((each) => once(each, 'close')));
    expect(await tell(socket, 'hang')).toBe('so be it\n');
    // The kernel gives a connection to a thread that waits for one, and this one does not.
    const met = await Promise.all(Array.from({ length: 50 }, async () => (await connected(port)).worker));
    expect(met).not.toContain(worker);
    expect(troubles).toEqual([]);
    await cutOff;
    await meet(port, ALL);
    expect(troubles).toEqual([
      { worker: Number(worker), restartMs: 200, error: 'told nothing for 2 s and was ended: it hung' },
    ]);
    expect(stuck).toEqual([]);
  });

  it('that cannot be ended is told of, and the others answer', async () => {
    const { port, troubles, stuck } = await openPool(3);
    await meet(port, ALL);
    const { socket, worker } = await connected(port);
    expect(await tell(socket, 'sleep')).toBe('so be it\n');
    expect(await eventually('it is told of', async () => stuck.length > 0 && stuck)).toEqual([
      Number(worker),
    ]);
    await meet(port, others(worker));
    // Once the call is over it ends, and starts again as one that hung.
    await eventually('it has ended', async () => troubles.length > 0);
    await meet(port, ALL);
    expect([stuck.length, troubles.length]).toEqual([1, 1]);
  });

  it('that took the place of a dead one hears no answer to what that one asked', async () => {
    const answers = new Map<unknown, (outcome: never) => void>();
    const ask = (question: unknown): Promise<never> =>
      new Promise((resolve) => answers.set(question, resolve));
    const { port } = await openPool(1, { lookups: { ask, published: () => undefined } as never });
    const first = await connectedTo(port, '0');
    first.write('ask first');
    await eventually('the first asks', async () => answers.has('first'));
    first.write('die');
    if (!first.destroyed) await once(first, 'close');
    const second = await connectedTo(port, '0');
    second.write('ask second');
    await eventually('the second asks', async () => answers.has('second'));
    answers.get('first')?.('absent' as never);
    answers.get('second')?.('present' as never);
    expect(String((await once(second, 'data'))[0])).toBe('1 present\n');
  });
});

describe('silence', () => {
  it('is found once it has lasted, and once more when it goes on', () => {
    const silence = new Silence(PATIENCE);
    const looks = (count: number) => Array.from({ length: count }, () => silence.look());
    expect(looks(4)).toEqual(Array(4).fill('wait'));
    silence.broken();
    expect(looks(9)).toEqual(['wait', 'wait', 'wait', 'wait', 'hung', 'wait', 'stuck', 'wait', 'wait']);
  });
});
