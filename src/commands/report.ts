/** `rcptgate report`: the last day on one page, for a morning mail: what was refused, whom that was a pity for, what needs a hand. */
import { nextHopHealth } from '../core/next-hop-status.ts';
import type { DomainReconciliation, JudgedDiscrepancy } from '../core/reconciliation.ts';
import type { History, Page, RegretRow, TopRow } from '../core/rejection.ts';
import { type Daemon, type DaemonCommand, EXIT, usageError } from './command.ts';
import { timeIn } from './rejections.ts';
import { reportHtml, reportText } from './report-page.ts';
import type { GatewayStatus } from './status.ts';
import type { RoundState } from './sync.ts';

/** Everything the report says. Times in ms since 1970. */
export interface Report {
  readonly from: number;
  readonly to: number;
  readonly version: string;
  readonly answers: { readonly accepted: number; readonly rejected: number; readonly deferred: number };
  readonly top: {
    readonly recipients: readonly TopRow[];
    readonly clients: readonly TopRow[];
    readonly reasons: readonly TopRow[];
  };
  /** Found in the period: who was told no and exists now. */
  readonly regrets: readonly RegretRow[];
  /** Open ones seen in the period. */
  readonly discrepancies: ReadonlyArray<JudgedDiscrepancy & { readonly domain: string }>;
  readonly rounds: ReadonlyArray<{
    readonly tenant: string;
    readonly complete: number;
    readonly failed: number;
    readonly added: number;
    readonly removed: number;
    readonly lastError: string | null;
  }>;
  readonly status: GatewayStatus;
  /** What a person should do something about, in words; empty on a good day. */
  readonly attention: readonly string[];
}

const DAY = 86_400_000;
/** A credential or a certificate that ends within this needs a person, ms. */
const SOON = 30 * DAY;
const TOP = 10;
const MOST_REGRETS = 200;

/** Prints it; exit code 0 on a good day, 1 when something needs attention. */
export const report: DaemonCommand = async (daemon, args, terminal) => {
  const now = Date.now();
  const from = timeIn(String(args.options.since ?? '24h'), now);
  if (args.positionals.length > 0)
    return usageError(terminal, 'rcptgate report takes options only; --help lists them');
  if (from === null) return usageError(terminal, '--since must be a duration such as 24h or 7d, or a time');
  const made = await makeReport(daemon, from, now);
  if (args.json) terminal.out(JSON.stringify(made, null, 2));
  else terminal.out(args.options.html ? reportHtml(made) : reportText(made));
  return made.attention.length === 0 ? EXIT.ok : EXIT.no;
};

async function makeReport(daemon: Daemon, from: number, to: number): Promise<Report> {
  const period = { since: String(from), until: String(to) };
  const top = async (by: string): Promise<readonly TopRow[]> =>
    (
      (await daemon.get(
        `/v1/rejections/top?${new URLSearchParams({ ...period, by, limit: String(TOP) })}`,
      )) as { rows: TopRow[] }
    ).rows;
  const status = (await daemon.get('/v1/status')) as GatewayStatus;
  const history = (await daemon.get(
    `/v1/history?${new URLSearchParams({ ...period, step: String(stepFor(to - from)) })}`,
  )) as History;
  const regrets = (await daemon.get(
    `/v1/regrets?${new URLSearchParams({ ...period, limit: String(MOST_REGRETS) })}`,
  )) as Page<RegretRow>;
  const domains = (await daemon.get('/v1/discrepancies')) as DomainReconciliation[];
  const discrepancies = domains.flatMap(({ domain, discrepancies: found }) =>
    found.filter(({ settled, lastAt }) => !settled && lastAt >= from).map((each) => ({ ...each, domain })),
  );
  const rounds = await Promise.all(status.tenants.map(async ({ tenant }) => roundsOf(daemon, tenant, from)));
  const made = {
    from,
    to,
    version: status.version,
    answers: totalOf(history),
    regrets: regrets.rows,
    discrepancies,
    rounds,
    status,
  };
  return {
    ...made,
    top: {
      recipients: await top('recipients'),
      clients: await top('clients'),
      reasons: await top('reasons'),
    },
    attention: attentionOf(made),
  };
}

/** Seconds of a bucket: at most some hundred of them, in steps of an hour. */
function stepFor(ms: number): number {
  return Math.max(1, Math.ceil(ms / 3_600_000 / 500)) * 3600;
}

function totalOf({ buckets }: History): Report['answers'] {
  const sum = (pick: (bucket: History['buckets'][number]) => number): number =>
    buckets.reduce((total, bucket) => total + pick(bucket), 0);
  return {
    accepted: sum((each) => each.accepted),
    rejected: sum((each) => each.rejected),
    deferred: sum((each) => each.deferred),
  };
}

async function roundsOf(daemon: Daemon, tenant: string, from: number): Promise<Report['rounds'][number]> {
  const all = (await daemon.get(`/v1/rounds?${new URLSearchParams({ tenant })}`)) as RoundState[];
  const rounds = all.filter(({ startedAt }) => startedAt >= from);
  const failed = rounds.filter(({ outcome }) => outcome === 'failed' || outcome === 'partial');
  return {
    tenant,
    complete: rounds.length - failed.length,
    failed: failed.length,
    added: rounds.reduce((sum, { added }) => sum + added, 0),
    removed: rounds.reduce((sum, { removed }) => sum + removed, 0),
    lastError: failed[0]?.error?.message ?? null,
  };
}

/** Pure: what needs a person. */
export function attentionOf({
  status,
  regrets,
  discrepancies,
}: Pick<Report, 'status' | 'regrets' | 'discrepancies'>): string[] {
  const { now, tenants, nextHops = [] } = status;
  const missing = discrepancies.filter(({ kind }) => kind === 'hop-accepted').length;
  return [
    ...tenants.flatMap(({ tenant, freshness, setUp, held, credential, trouble }) => [
      ...(trouble === null ? [] : [`${tenant}: ${trouble}`]),
      ...(setUp === false ? [`${tenant} is not set up: rcptgate console-link`] : []),
      ...(freshness === 'fresh'
        ? []
        : [`the directory of ${tenant} is ${freshness}: rcptgate tenant ${tenant}`]),
      ...(held > 0 ? [`${held} removals of ${tenant} are held: rcptgate status`] : []),
      ...(credential?.trouble ? [`the credential of ${tenant}: ${credential.trouble.message}`] : []),
      ...ending(credential?.use?.expires ?? null, now, tenant),
    ]),
    ...nextHops
      .filter((hop) => nextHopHealth(hop) === 'trouble')
      .map(({ nextHop, lastTrouble }) => `the next hop ${nextHop}: ${lastTrouble?.error ?? 'trouble'}`),
    ...(regrets.length > 0
      ? [`${regrets.length} addresses were rejected and exist now: tell whom they belong to`]
      : []),
    ...(missing > 0
      ? [`${missing} addresses that we would refuse were accepted by the next hop: rcptgate discrepancies`]
      : []),
  ];
}

function ending(expires: number | null, now: number, tenant: string): string[] {
  if (expires === null || expires - now > SOON) return [];
  const days = Math.floor((expires - now) / DAY);
  return [
    days < 0 ? `the credential of ${tenant} has ended` : `the credential of ${tenant} ends in ${days} days`,
  ];
}
