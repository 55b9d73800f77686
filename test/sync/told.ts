/** What an operator sees of a round: the log line and the status text, from the real functions. */
import { closeSync, openSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { statusText } from '../../src/commands/status.ts';
import { freshness } from '../../src/core/freshness.ts';
import { createEvents } from '../../src/ops/events.ts';
import { openLog } from '../../src/ops/log.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import type { RoundReport } from '../../src/sync/report.ts';
import { DAY, type Rig } from './rig.ts';

/** The parsed `sync.round` line of a report. */
export async function lineOf(rig: Rig, report: RoundReport): Promise<Readonly<Record<string, unknown>>> {
  const file = join(rig.directory, 'log');
  const fd = openSync(file, 'w');
  const log = openLog('debug', fd);
  createEvents(log.logger, createMetrics()).syncRound(report);
  await log[Symbol.asyncDispose]();
  closeSync(fd);
  const text = readFileSync(file, 'utf8');
  unlinkSync(file);
  return JSON.parse(text);
}

/** What `rcptgate status` prints about the rig's tenant, from what the mirror remembers. */
export function statusOf(rig: Rig): string {
  const tenant = rig.tenant.tenantId;
  const now = rig.deps.now();
  const { syncedAt, lastRound } = rig.mirror.state(tenant);
  const state = {
    tenant,
    freshness: freshness(syncedAt, now, 3_600_000),
    syncedAt,
    ...rig.mirror.counts(tenant, now - DAY),
    plan: rig.mirror.heldPlan(tenant),
    domains: [],
    lastRound: lastRound === null ? null : JSON.parse(lastRound),
    nextRun: null,
    trouble: null,
  };
  return statusText({ version: '0', startedAt: now, now, listeners: [], tenants: [state] });
}
