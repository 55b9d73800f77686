/**
 * Business events: one function each, which writes the log line and moves the counter together.
 *
 * Text that a client chose appears only as a value, and behind every field that the gateway chose, so that a tool
 * which reads lines from the left cannot be misled. Field names are part of the interface; the README lists them.
 */
import type { Logger } from 'pino';
import { applicationEvents } from './application-events.ts';
import { consoleEvents } from './console-events.ts';
import { type CredentialEvent, credentialLine, measureExpiry } from './credential.ts';
import { doorEvents } from './door-events.ts';
import { type Flood, openFlood } from './flood.ts';
import { harvestEvents } from './harvest-events.ts';
import { learningEvents } from './learning-events.ts';
import { listenerEvents } from './listener-events.ts';
import { logEvents } from './log-events.ts';
import type { Metrics } from './metrics.ts';
import { operatorEvents } from './operator-events.ts';
import { writeRecipient } from './recipient-line.ts';
import { rejectionEvents } from './rejection-events.ts';
import { serviceEvents } from './service-events.ts';

/** Who was talking. */
interface Client {
  readonly address: string;
}

interface SentReply {
  readonly code: number;
  readonly enhanced: string | null;
  readonly text: string;
}

/** One answered recipient. */
export interface RecipientEvent {
  readonly verdict: {
    readonly action: 'accept' | 'reject' | 'defer';
    readonly reason: string;
    readonly domain: string | null;
    readonly tenant: string | null;
    readonly nextHop: string | null;
    /** ms; null when the directory was never loaded or not asked. */
    readonly directoryAge: number | null;
  };
  readonly reply: SentReply;
  readonly ref: string | null;
  /** Which door asked: `relay` or `verify`. */
  readonly mode: string;
  readonly session: string;
  readonly client: Client;
  /** The proxy or relay that spoke for the client. */
  readonly peer?: string | null;
  readonly tls: string | null;
  readonly tlsClient?: string | null;
  readonly nextHopReply: string | null;
  readonly durationMs: number;
  readonly helo: string | null;
  readonly mailFrom: string;
  readonly rcpt: string;
}

/** One message after its final dot, or when it could not get there. */
export interface MessageEvent {
  readonly result: 'relayed' | 'refused' | 'deferred' | 'aborted';
  readonly reply: SentReply;
  readonly ref?: string | null;
  readonly message: string;
  readonly session: string;
  readonly client: Client;
  /** The proxy or relay that spoke for the client. */
  readonly peer?: string | null;
  readonly nextHop: string;
  readonly nextHopReply: string | null;
  readonly recipients: number;
  readonly bytes: number;
  readonly durationMs: number;
  readonly duplicatePossible?: boolean;
  readonly mailFrom: string;
}

/** A session or a command refused for its protocol, its time or our limits. */
export interface RefusalEvent {
  readonly reply: SentReply;
  readonly ref: string;
  readonly session: string;
  readonly client: Client;
  /** The proxy or relay that spoke for the client. */
  readonly peer?: string | null;
  readonly helo: string | null;
  readonly command: string | null;
}

export interface NextHopTrouble {
  readonly nextHop: string;
  /** `address:port`; null when it came to none. */
  readonly address: string | null;
  readonly stage: string;
  readonly failure: string;
  readonly error: string;
  /** Mail goes on without TLS. */
  readonly cleartext?: boolean;
}

/** What the log says of a sync round. */
export interface RoundEvent {
  readonly tenant: string;
  readonly outcome: string;
  readonly durationMs: number;
  /** null when nothing was committed. */
  readonly addresses: number | null;
  readonly added: number;
  readonly removed: number;
  readonly held: number;
  readonly streams: readonly unknown[];
  readonly error?: unknown;
}

export type Events = ReturnType<typeof createEvents>;

/** The events of one process. None of the functions throws. `limit`: lines a second of refused recipients, 0 for all. */
export function createEvents(logger: Logger, metrics: Metrics, limit = 0) {
  const logs = logEvents(logger, metrics);
  const flood = openFlood(limit, logs.recipientsAggregated);
  return {
    processStart: (version: string, node: string) => {
      metrics.buildInfo.set({ version, node }, 1);
      logger.info({ event: 'process.start', version, node, pid: process.pid });
    },
    processReady: (listeners: readonly string[]) => logger.info({ event: 'process.ready', listeners }),
    processStop: (signal: string) => logger.info({ event: 'process.stop', signal }),
    processStopped: () => logger.info({ event: 'process.stopped' }),
    configEffective: (config: unknown) => logger.info({ event: 'config.effective', config }),
    configWarning: (key: string, problem: string) => logger.warn({ event: 'config.warning', key, problem }),
    sessionRefuse: (refusal: RefusalEvent) =>
      logger.warn({
        event: 'session.refuse',
        ref: refusal.ref,
        code: refusal.reply.code,
        ...clientFields(refusal),
        session: refusal.session,
        command: refusal.command,
        reply: refusal.reply.text,
        helo: refusal.helo,
      }),
    recipient: (answer: RecipientEvent) => recipient(logger, metrics, flood, answer),
    /** Tells what was added up; for the end of a thread. */
    recipientsFlush: flood.flush,
    message: (message: MessageEvent) => messageEvent(logger, metrics, message),
    nextHopTrouble: ({ nextHop, address, stage, failure, error, cleartext }: NextHopTrouble) => {
      metrics.nextHopTroubles.inc({ stage });
      const event = cleartext === true ? 'next_hop.cleartext' : 'next_hop.trouble';
      logger.warn({ event, next_hop: nextHop, address, stage, failure, error });
    },
    syncRound: (round: RoundEvent) => roundEvent(logger, metrics, round),
    credential: (tenant: string, news: CredentialEvent) => {
      measureExpiry(metrics, tenant, news);
      const [level, fields] = credentialLine(news);
      logger[level]({ event: CREDENTIAL_EVENT[news.event], tenant, ...fields });
    },
    syncTrouble: (error: string, detail?: unknown) =>
      logger.error({ event: 'sync.trouble', error, ...(detail === undefined ? {} : { detail }) }),
    ...logs,
    ...listenerEvents(logger, metrics),
    ...serviceEvents(logger),
    ...learningEvents(logger, metrics),
    harvest: harvestEvents(logger, metrics),
    ...operatorEvents(logger),
    ...rejectionEvents(logger, metrics),
    ...applicationEvents(logger),
    ...consoleEvents(logger),
    ...doorEvents(logger, metrics),
  };
}

const CREDENTIAL_EVENT = {
  use: 'credential.use',
  trouble: 'credential.trouble',
  expiry: 'credential.expiry',
} as const;
const RCPT_EVENT = { 2: 'rcpt.accept', 4: 'rcpt.defer', 5: 'rcpt.reject' } as const;

/** The event follows what the client was told; `verdict` and `reason` say what the directory knew. */
function recipient(logger: Logger, metrics: Metrics, flood: Flood, answer: RecipientEvent): void {
  const { action, reason, tenant, domain } = answer.verdict;
  metrics.answerTimes.observe(answer.durationMs);
  metrics.verdicts.count(action, reason, tenant ?? '');
  const event = RCPT_EVENT[Math.floor(answer.reply.code / 100) as keyof typeof RCPT_EVENT] ?? 'rcpt.defer';
  const level = levelOf(event, reason);
  if (!logger.isLevelEnabled(level)) return;
  const { code } = answer.reply;
  const source = answer.mode;
  const realClient = answer.client.address;
  const kind = { answer: event, verdict: action, reason, code, domain, tenant, source, realClient };
  if (event === 'rcpt.accept' || flood.passes(kind)) writeRecipient(logger, level, event, answer);
}

const ROUTINE = new Set(['known', 'subaddress', 'postmaster', 'imported']);

/** Ordinary accepts are routine; those that policy alone accepted are what an operator looks for. */
function levelOf(event: string, reason: string): 'debug' | 'info' | 'warn' {
  if (event !== 'rcpt.accept') return 'warn';
  return ROUTINE.has(reason) ? 'debug' : 'info';
}

function messageEvent(logger: Logger, metrics: Metrics, message: MessageEvent): void {
  metrics.messages.inc({ result: message.result });
  const relayed = message.result === 'relayed';
  logger[relayed ? 'info' : 'warn']({
    event: relayed ? 'message.relay' : 'message.fail',
    ...(relayed ? {} : { ref: message.ref ?? null, duplicate_possible: message.duplicatePossible === true }),
    result: message.result,
    code: message.reply.code,
    message: message.message,
    session: message.session,
    ...clientFields(message),
    next_hop: message.nextHop,
    recipients: message.recipients,
    bytes: message.bytes,
    ms: rounded(message.durationMs),
    reply: message.reply.text,
    next_hop_reply: message.nextHopReply,
    mail_from: message.mailFrom,
  });
}

function roundEvent(logger: Logger, metrics: Metrics, round: RoundEvent): void {
  metrics.rounds.inc({ tenant: round.tenant, outcome: round.outcome });
  const bad =
    round.outcome === 'failed' || round.outcome === 'partial' || round.held > 0 || round.error !== undefined;
  const { tenant, outcome, addresses, added, removed, held, streams, error } = round;
  logger[bad ? 'warn' : 'info']({
    event: 'sync.round',
    tenant,
    outcome,
    ms: round.durationMs,
    addresses,
    added,
    removed,
    held,
    streams,
    ...(error === undefined ? {} : { error }),
  });
}

/** Who is connected, and for whom: the same unless a proxy or a relay named somebody else. */
function clientFields({ client, peer }: { readonly client: Client; readonly peer?: string | null }) {
  return { client: peer ?? client.address, real_client: client.address };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
