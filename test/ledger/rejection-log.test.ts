/** The rejection log on its way to disk: threads that die, disks that refuse, floods. What was answered is never counted wrong. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LedgerNews, RecorderSettings } from '../../src/ledger/protocol.ts';
import { type RejectionLog, startRejectionLog } from '../../src/ledger/rejection-log.ts';
import { answered, LIMITS, NOON, query, TENANT } from '../mirror/answers.ts';
import { scratchDirectory } from '../mirror/scratch.ts';

const RECORDER = new URL('../../dist/recorder.js', import.meta.url);
const MORTAL = new URL('./mortal.mjs', import.meta.url);

interface Rig extends AsyncDisposable {
  readonly log: RejectionLog;
  readonly path: string;
  readonly sums: { kept: number; aggregated: number; lost: number; told: number };
  readonly news: LedgerNews[];
  /** Waits until something it was told makes `done` true. */
  until(done: () => boolean): Promise<void>;
}

function rig(more: Record<string, unknown> = {}, entry = RECORDER, capacity = 50_000): Rig {
  const directory = scratchDirectory();
  const path = join(directory.path, 'rejections.sqlite');
  const counter = join(directory.path, 'counter');
  const policy = { domains: new Map() };
  const settings = { ...LIMITS, keepRows: 1_000_000, path, policy, counter, ...more } as RecorderSettings;
  const sums = { kept: 0, aggregated: 0, lost: 0, told: 0 };
  const news: LedgerNews[] = [];
  let wake = (): void => undefined;
  const log = startRejectionLog(
    entry,
    settings,
    'run',
    {
      rejectionsKept({ kept, aggregated, lost }) {
        sums.kept += kept;
        sums.aggregated += aggregated;
        sums.lost += lost;
        wake();
      },
      rejectionsLost(lost) {
        sums.told += lost;
        wake();
      },
      rejectionsNews(each) {
        news.push(each);
        wake();
      },
    },
    capacity,
  );
  return {
    log,
    path,
    sums,
    news,
    async until(done) {
      while (!done()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async [Symbol.asyncDispose]() {
      await log.stop();
      directory[Symbol.dispose]();
    },
  };
}

function note(log: RejectionLog, index: number): void {
  if (!log.room()) return;
  log.note(answered({ rcpt: `x${index}@contoso.example`, at: NOON + index }));
}

async function countIn(log: RejectionLog): Promise<number> {
  const top = await log.ask('top', { ...query({ limit: '1' }), by: 'reasons' });
  return top[0]?.count ?? 0;
}

describe('a thread that dies', () => {
  it('before and after writing loses nothing and counts nothing twice', { timeout: 30_000 }, async () => {
    await using run = rig({ plan: ['', 'before', 'after', ''] }, MORTAL);
    for (let index = 0; index < 6000; index++) note(run.log, index);
    run.log.count(TENANT, 'contoso.example', 550);
    await run.until(() => run.sums.kept + run.sums.aggregated === 6000);
    expect(run.sums).toEqual({ kept: 6000, aggregated: 0, lost: 0, told: 0 });
    expect(await countIn(run.log)).toBe(6000);
    const asked = {
      since: 0,
      until: Date.now() + 1,
      step: 300_000 * 2000,
      tenant: null,
      domain: null,
      tenants: null,
    };
    const { buckets } = await run.log.ask('history', { ...asked, since: Date.now() - 1 });
    expect(buckets.reduce((sum, { rejected }) => sum + rejected, 0)).toBe(1);
    expect(run.news.filter(({ kind }) => kind === 'trouble').length).toBe(2);
  });
});

describe('a flood', () => {
  it('of 100,000 adds up: kept, aggregated, lost, told', { timeout: 60_000 }, async () => {
    await using run = rig();
    for (let index = 0; index < 100_000; index++) note(run.log, index % 80_000);
    const sum = (): number => run.sums.kept + run.sums.aggregated + run.sums.lost;
    await run.until(() => sum() === 100_000 && run.sums.told === run.sums.lost);
    expect(run.sums.lost).toBeGreaterThan(0);
    expect(run.sums.kept + run.sums.aggregated).toBeGreaterThanOrEqual(50_000);
    expect(await countIn(run.log)).toBe(run.sums.kept + run.sums.aggregated);
  });

  it('is bounded in memory while nothing can be written', async () => {
    await using run = rig({ plan: Array.from({ length: 1000 }, () => 'before') }, MORTAL, 5000);
    for (let index = 0; index < 200_000; index++) note(run.log, index);
    // One batch is on its way besides what waits.
    await run.until(() => run.sums.told >= 194_000);
    expect(run.sums).toEqual({ kept: 0, aggregated: 0, lost: 194_000, told: 194_000 });
    await run.log.stop();
    expect(run.sums.lost).toBe(200_000);
  });
});

describe('a file', () => {
  it('that is damaged is set aside, and the log goes on', async () => {
    const directory = scratchDirectory();
    const path = join(directory.path, 'rejections.sqlite');
    writeFileSync(path, 'this is no database at all, and long enough to be looked at'.repeat(50));
    await using run = rig({ path });
    note(run.log, 1);
    await run.until(() => run.sums.kept === 1);
    expect(run.news).toEqual([
      { kind: 'set-aside', file: `${path}.damaged`, reason: expect.stringContaining('not a database') },
    ]);
    expect(existsSync(`${path}.damaged`)).toBe(true);
    expect(await countIn(run.log)).toBe(1);
    directory[Symbol.dispose]();
  });

  it('that cannot be made is told once, and answers wait until it can', { timeout: 30_000 }, async () => {
    const directory = scratchDirectory();
    const path = join(directory.path, 'rejections.sqlite');
    mkdirSync(path);
    await using run = rig({ path });
    note(run.log, 1);
    await run.until(() => run.news.length === 1);
    expect(run.news).toEqual([{ kind: 'trouble', message: expect.stringContaining('cannot be opened') }]);
    await expect(run.log.ask('list', query())).rejects.toThrow('cannot be opened');
    rmSync(path, { recursive: true });
    await run.until(() => run.sums.kept === 1);
    expect(run.news).toHaveLength(1);
    directory[Symbol.dispose]();
  });
});

it('stopping writes what waits', async () => {
  const directory = scratchDirectory();
  const path = join(directory.path, 'rejections.sqlite');
  const first = rig({ path });
  for (let index = 0; index < 2500; index++) note(first.log, index);
  await first[Symbol.asyncDispose]();
  expect(first.sums).toEqual({ kept: 2500, aggregated: 0, lost: 0, told: 0 });
  await using second = rig({ path });
  expect(await countIn(second.log)).toBe(2500);
  expect(readdirSync(directory.path).filter((name) => name.includes('damaged'))).toEqual([]);
});
