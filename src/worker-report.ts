/** What a worker thread told, taken over by the main thread: log lines, counters, rejections, refusals of the harvest guard. */
import type { WorkerReport, WorkersParts } from './worker-protocol.ts';

export function takeReport(parts: WorkersParts, report: WorkerReport): void {
  const { harvest, accepted, noted, log, count } = parts;
  if (report.log !== '') log(report.log);
  count(report.counters);
  for (const [tenant, address] of report.accepted) accepted.note(tenant, address);
  for (const [tenant, domain, code, times] of report.counts) noted.count(tenant, domain, code, times);
  for (const answer of report.answers) if (noted.room()) noted.note(answer);
  for (const [client, times] of report.refused)
    for (let time = 0; time < times; time += 1) harvest.refuses(client);
}

/** Who is denied at this moment, for a worker that starts: the client, and the ms it still lasts. */
export function denialsNow(parts: WorkersParts, now: number): Array<readonly [client: string, ms: number]> {
  return parts.harvest.state().denied.map(({ client, until }) => [client, until - now] as const);
}
