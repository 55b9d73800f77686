/** The doors beside SMTP put together: lookups for another MTA, and the exports it can live on without us. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Config } from './config/config.ts';
import type { DoorFunctions } from './console/door-routes.ts';
import { normaliseDomain, parseMailbox } from './core/address.ts';
import type { DirectorySnapshot } from './core/directory.ts';
import type { ExportFormat } from './core/export-format.ts';
import { type OperatorSnapshot, operatorFrom, SILENT } from './core/operator.ts';
import { policyFor } from './core/policy.ts';
import { exportGaps } from './core/standing-export.ts';
import { bareVerdict, type Verdict } from './core/verdict.ts';
import { exportInThread } from './exporter.ts';
import type { Answer, Ask, DoorProtocol, Question } from './lookup/answer.ts';
import { type Door, openDoor } from './lookup/door.ts';
import type { ExportOutcome, ExportTarget } from './lookup/export-file.ts';
import { type ExportResult, keepExports } from './lookup/standing-exports.ts';
import type { Events, RecipientEvent } from './ops/events.ts';
import type { SmtpEdge } from './smtp/listener.ts';
import { checkRecipient } from './smtp/recipient-check.ts';
import { replyFor, replyText } from './smtp/reply.ts';

/** What the doors need: the verdict SMTP gives, and where its answers are told. */
export interface DoorEdge extends Pick<SmtpEdge, 'check' | 'lookup' | 'events' | 'reference'> {
  answered(answer: RecipientEvent & { readonly verdict: Verdict }): void;
}

/**
 * Opens every door of the configuration.
 * @throws Error when an address cannot be listened on.
 */
export async function openDoors(
  config: Config,
  edge: DoorEdge,
  events: Pick<Events, 'listenerOpen' | 'doorTrouble'>,
  closers: Array<() => PromiseLike<unknown>>,
): Promise<readonly Door[]> {
  const ask = askOf(config, edge);
  const doors: Door[] = [];
  closers.push(() => Promise.all(doors.map((door) => door.close(DRAIN))));
  for (const { protocol, address, maxConnections, idle } of config.doors) {
    const door = await openDoor({ protocol, address, maxConnections, idle }, ask, events.doorTrouble);
    doors.push(door);
    events.listenerOpen(door.address(), protocol, false);
  }
  return doors;
}

/** The verdict of SMTP, with its words, its reference and its log line. */
export function askOf({ policy }: Config, edge: DoorEdge): Ask {
  return (question, door) => {
    const started = performance.now();
    const told = (verdict: Verdict): Answer => tell(verdict, question, door, started, edge);
    const parsed = parseMailbox(question.recipient);
    if (!parsed.ok)
      return told(bareVerdict(isOurs(question.recipient, policy) ? 'malformed' : 'not-our-domain'));
    const client = { address: question.client ?? '', port: 0 };
    const facts = {
      session: question.session,
      mode: 'verify' as const,
      client,
      helo: question.helo,
      tls: null,
    };
    const verdict = checkRecipient(edge, parsed.mailbox, { facts: () => facts });
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
    tls: question.tls,
    nextHopReply: null,
    durationMs: performance.now() - started,
    helo: question.helo,
    mailFrom: question.mailFrom,
    rcpt: question.recipient,
  });
  return { verdict, wording };
}

/** The values an export is made of, as they were last published. */
export interface ExportSource {
  directory(snapshot: DirectorySnapshot): void;
  operator(snapshot: OperatorSnapshot): void;
  readonly functions: DoorFunctions;
  [Symbol.dispose](): void;
}

/** Ms that a live lookup may still take when the daemon stops. */
const DRAIN = 2_000;

/** Keeps the configured exports current, and makes one on demand. */
export function openExports(config: Config, told: (result: ExportResult) => void): ExportSource {
  const snapshots = new Map<string, DirectorySnapshot>();
  let operator: OperatorSnapshot = SILENT;
  for (const target of config.exports) mkdirSync(path.dirname(target.path), { recursive: true, mode: 0o755 });
  const write = (target: ExportTarget, force: boolean): Promise<ExportOutcome> =>
    exportInThread({
      snapshots: [...snapshots.values()],
      operator,
      policy: config.policy,
      target,
      force,
      now: Date.now(),
    });
  const standing = keepExports(config.exports, write, told);
  return {
    directory(snapshot) {
      // A quiet round publishes the same memory again, and an hourly write looks at the clock anyway.
      const same = snapshots.get(snapshot.tenant)?.known === snapshot.known;
      snapshots.set(snapshot.tenant, snapshot);
      if (!same) standing.changed();
    },
    operator(snapshot) {
      operator = snapshot;
      standing.changed();
    },
    functions: {
      gaps: () => exportGaps({ policy: operatorFrom(config.policy, operator).policy, now: Date.now() }),
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
