/** The doors beside SMTP put together: lookups for another MTA, and the exports it can live on without us. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Claims } from './claims.ts';
import type { Config } from './config/config.ts';
import type { DoorConfig } from './config/doors.ts';
import type { DoorFunctions } from './console/door-routes.ts';
import { normaliseDomain, parseMailbox } from './core/address.ts';
import type { ExportFormat } from './core/export-format.ts';
import { inNetworks, parseNetwork } from './core/network.ts';
import { policyFor } from './core/policy.ts';
import { exportGaps } from './core/standing-export.ts';
import { bareVerdict, type Verdict } from './core/verdict.ts';
import type { GatewayEdge, Shared } from './edge.ts';
import { exportInThread } from './exporter.ts';
import type { Answer, Ask, DoorProtocol, Question } from './lookup/answer.ts';
import { type Door, type DoorAddress, openDoor } from './lookup/door.ts';
import type { ExportOutcome, ExportTarget } from './lookup/export-file.ts';
import { type ExportResult, keepExports } from './lookup/standing-exports.ts';
import type { Events } from './ops/events.ts';
import { checkRecipient } from './smtp/recipient-check.ts';
import { replyFor, replyText } from './smtp/reply.ts';
import type { ToWorker } from './worker-protocol.ts';

/** What the doors need: the verdict SMTP gives, and where its answers are told. */
type DoorEdge = Pick<GatewayEdge, 'check' | 'lookup' | 'events' | 'reference' | 'harvest' | 'answered'>;

/**
 * Opens every door of the configuration.
 * @throws Error when an address cannot be listened on.
 */
export async function openDoors(
  live: { readonly config: Config },
  edge: DoorEdge,
  fds: Claims['doors'],
  events: Pick<Events, 'listenerOpen' | 'doorTrouble'>,
  closers: Array<() => PromiseLike<unknown>>,
): Promise<readonly Door[]> {
  const doors: Door[] = [];
  closers.push(() => Promise.all(doors.map((door) => door.close(DRAIN))));
  for (const [index, configured] of live.config.doors.entries()) {
    const { protocol, maxConnections, idle, trusted } = configured;
    const address = addressOf(configured, fds[index]);
    if (address === null) continue;
    const ask = askOf(live, trusted, edge);
    const door = await openDoor({ protocol, address, maxConnections, idle }, ask, events.doorTrouble);
    doors.push(door);
    events.listenerOpen(door.address(), protocol, false);
  }
  return doors;
}

/** Null when the socket it wants was not passed; that has been told. */
function addressOf({ address }: DoorConfig, fd: number | null | undefined): DoorAddress | null {
  if (!('inherited' in address)) return address;
  return typeof fd === 'number' ? { fd } : null;
}

/** The verdict of SMTP, with its words, its reference and its log line. `trusted` clients are never harvesters. */
export function askOf(live: { readonly config: Config }, trusted: readonly string[], edge: DoorEdge): Ask {
  // The configuration has been checked; what is no network exempts nobody.
  const exempt = trusted.flatMap((text) => {
    const parsed = parseNetwork(text);
    return parsed.ok ? [parsed.network] : [];
  });
  return (question, door) => {
    const started = performance.now();
    const told = (verdict: Verdict): Answer => tell(verdict, question, door, started, edge);
    const parsed = parseMailbox(question.recipient);
    const { policy } = live.config;
    if (!parsed.ok)
      return told(bareVerdict(isOurs(question.recipient, policy) ? 'malformed' : 'not-our-domain'));
    const address = question.client ?? '';
    const watched = address !== '' && !inNetworks(exempt, address) ? (edge.harvest ?? null) : null;
    if (watched?.refuses(address)) return told(bareVerdict('harvest-limit', parsed.mailbox.key));
    const client = { address, port: 0 };
    const facts = {
      peer: null,
      name: null,
      session: question.session,
      mode: 'verify' as const,
      client,
      helo: question.helo,
      tls: null,
    };
    const verdict = checkRecipient(edge, watched, parsed.mailbox, { facts: () => facts });
    return verdict instanceof Promise ? verdict.then(told) : told(verdict);
  };
}

/** Somebody else's address may follow rules we do not know. */
function isOurs(recipient: string, policy: Config['policy']): boolean {
  const domain = normaliseDomain(recipient.slice(recipient.lastIndexOf('@') + 1));
  return domain !== null && policyFor(policy, domain) !== null;
}

function tell(
  verdict: Verdict,
  question: Question,
  door: DoorProtocol,
  started: number,
  { reference, answered }: DoorEdge,
): Answer {
  const ref = verdict.action === 'accept' ? null : reference();
  const reply = replyFor(verdict, ref ?? '');
  const wording = { code: reply.code, enhanced: reply.enhanced ?? '', text: replyText(reply) };
  answered({
    verdict,
    reply: wording,
    ref,
    mode: door,
    session: question.session,
    client: { address: question.client ?? '' },
    peer: null,
    tls: question.tls,
    nextHopReply: null,
    durationMs: performance.now() - started,
    helo: question.helo,
    mailFrom: question.mailFrom,
    rcpt: question.recipient,
  });
  return { verdict, wording };
}

/** The standing exports of the gateway. */
export interface GatewayExports {
  /** Hears of everything that changes what is accepted. */
  follow(news: ToWorker): void;
  readonly functions: DoorFunctions;
  [Symbol.dispose](): void;
}

/** Ms that a live lookup may still take when the daemon stops. */
const DRAIN = 2_000;

/** Keeps the configured exports current, and makes one on demand. What is accepted is read of `shared`. */
export function openExports(
  config: Config,
  shared: Shared,
  told: (result: ExportResult) => void,
): GatewayExports {
  const known = new Map<string, SharedArrayBuffer>();
  for (const target of config.exports) mkdirSync(path.dirname(target.path), { recursive: true, mode: 0o755 });
  let { policy } = config;
  const write = (target: ExportTarget, force: boolean): Promise<ExportOutcome> =>
    exportInThread({
      snapshots: [...shared.snapshots.values()],
      operator: shared.told,
      policy,
      target,
      force,
      now: Date.now(),
    });
  const standing = keepExports(config.exports, write, told);
  return {
    follow(news) {
      if (news.kind === 'directory') {
        // A quiet round publishes the same memory again, and an hourly write looks at the clock anyway.
        if (known.get(news.snapshot.tenant) === news.snapshot.known) return;
        known.set(news.snapshot.tenant, news.snapshot.known);
      }
      if (news.kind === 'config') policy = news.config.policy;
      if (news.kind === 'directory' || news.kind === 'config' || news.kind === 'operator') standing.changed();
    },
    functions: {
      gaps: () => exportGaps({ policy: shared.operator.policy, now: Date.now() }),
      list: (format) => listNow(format, config.stateDir, write),
      write: (file, force) => standing.write(file, force),
    },
    [Symbol.dispose]: () => standing[Symbol.dispose](),
  };
}

/** An export through a file that nobody else sees, because the thread that makes it can be faster than its reader. */
async function listNow(
  format: ExportFormat,
  stateDir: string,
  write: (target: ExportTarget, force: boolean) => Promise<ExportOutcome>,
): ReturnType<DoorFunctions['list']> {
  const file = path.join(stateDir, `export-${randomBytes(6).toString('hex')}.tmp`);
  const outcome = await write({ path: file, format, postmap: null, maxShrink: 100, mode: 0o600 }, false);
  if (outcome.kind === 'refused') return { ok: false, problem: outcome.problem };
  const opened = await open(file);
  await unlink(file);
  return { ok: true, bytes: Readable.toWeb(opened.createReadStream()) as ReadableStream<Uint8Array> };
}
