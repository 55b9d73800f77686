/** What a worker thread told, taken over by the main thread: log lines, counters, rejections, refusals of the harvest guard. */
import type { WorkerReport, WorkersParts } from './worker-protocol.ts';

/** `share`: what each of the workers may tell next, brought up to date. */
export function takeReport(parts: WorkersParts, report: WorkerReport, share: Int32Array): void {
  const { harvest, accepted, noted, log, count } = parts;
  if (report.log !== '') log(report.log);
  count(report.counters);
  for (const [tenant, address] of report.accepted) accepted.note(tenant, address);
  for (const [tenant, domain, code, times] of report.counts) noted.count(tenant, domain, code, times);
  for (const answer of report.answers) if (noted.room()) noted.note(answer);
  if (report.lost > 0) noted.lose(report.lost);
  shareOut(parts, share);
  for (const [client, times] of report.refused)
    for (let time = 0; time < times; time += 1) harvest.refuses(client);
}

/** Says how many answers each worker may tell with its next report. */
export function shareOut({ noted, live }: WorkersParts, share: Int32Array): void {
  Atomics.store(share, 0, Math.floor(noted.free() / live.config.workers));
}

/** Guesses that a worker told, counted by the harvest guard of all. */
export function takeGuesses({ harvest }: WorkersParts, guesses: string): void {
  const lines = guesses.split('\n');
  for (let at = 0; at + 1 < lines.length; at += 2) harvest.absent(lines[at] ?? '', lines[at + 1] ?? '');
}

/** Who is denied at this moment, for a worker that starts: the client, and the ms it still lasts. */
export function denialsNow(parts: WorkersParts, now: number): Array<readonly [client: string, ms: number]> {
  return parts.harvest.state().denied.map(({ client, until }) => [client, until - now] as const);
}
