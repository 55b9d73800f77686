/** The rejection log put together: what the SMTP side and learning tell it, and what the control socket may ask of it. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from './config/config.ts';
import type { RejectionFunctions } from './console/rejections-routes.ts';
import type { AnsweredRecipient } from './edge.ts';
import type { LedgerNews } from './ledger/protocol.ts';
import { type RejectionLog, startRejectionLog } from './ledger/rejection-log.ts';
import type { Events } from './ops/events.ts';
import type { FailedMessage, SessionRefusal } from './smtp/events.ts';
import type { ToWorker } from './worker-protocol.ts';

/** What is told to the rejection log. None of the functions waits or throws. */
export interface RejectionNotes {
  recipient(answer: AnsweredRecipient): void;
  message(message: FailedMessage): void;
  session(refusal: SessionRefusal): void;
}

/** What notes are written to: the log, or in a worker what goes there with its next report. */
export type NotedIn = Pick<RejectionLog, 'room' | 'note' | 'count'>;

/** What takes over the notes of workers. */
export type NotedFrom = NotedIn & Pick<RejectionLog, 'free' | 'lose'>;

/** The rejection log of the gateway. */
export interface Rejections extends RejectionNotes {
  readonly log: NotedFrom;
  /** Hears of every directory, to find out who was rejected and exists now. */
  follow(news: ToWorker): void;
  readonly functions: RejectionFunctions;
  stop(): Promise<void>;
}

type RejectionEvents = Pick<
  Events,
  'rejectionsKept' | 'rejectionsLost' | 'rejectionsTrouble' | 'rejectionsSetAside' | 'regretFound'
>;

/** Starts the recording thread and what tells it. */
export function openRejections(config: Config, events: RejectionEvents): Rejections {
  const settings = {
    ...config.rejections,
    path: join(config.stateDir, 'rejections.sqlite'),
    policy: { domains: config.policy.domains },
  };
  const log = startRejectionLog(new URL('./recorder.js', import.meta.url), settings, randomUUID(), {
    rejectionsKept: events.rejectionsKept,
    rejectionsLost: events.rejectionsLost,
    rejectionsNews: (news) => tell(news, events),
  });
  return {
    ...rejectionNotes(log),
    log,
    follow(news) {
      if (news.kind === 'directory') log.directory(news.snapshot);
    },
    functions: functionsOf(log),
    stop: () => log.stop(),
  };
}

/** Puts what happened into the words of the log. */
export function rejectionNotes(log: NotedIn): RejectionNotes {
  return {
    recipient: (answer) => noteRecipient(log, answer),
    message: (message) => noteMessage(log, message),
    session: (refusal) => noteSession(log, refusal),
  };
}

function tell(news: LedgerNews, events: RejectionEvents): void {
  if (news.kind === 'regret') events.regretFound(news.news);
  else if (news.kind === 'set-aside') events.rejectionsSetAside(news.file, news.reason);
  else events.rejectionsTrouble(news.message);
}

function noteRecipient(log: NotedIn, answer: AnsweredRecipient): void {
  const { verdict, reply, client, peer } = answer;
  log.count(verdict.tenant, verdict.domain, reply.code);
  if (reply.code < 400 || !log.room()) return;
  log.note({
    at: Date.now(),
    ref: answer.ref,
    kind: 'recipient',
    code: reply.code,
    reason: verdict.reason,
    client: peer ?? client.address,
    realClient: client.address,
    helo: answer.helo,
    tls: answer.tls,
    mailFrom: answer.mailFrom,
    rcpt: answer.rcpt,
    address: verdict.key,
    domain: verdict.domain,
    tenant: verdict.tenant,
    directoryAge: verdict.directoryAge === null ? null : Math.round(verdict.directoryAge / 1000) * 1000,
    session: answer.session,
    source: answer.mode,
    detail: answer.nextHopReply,
  });
}

/** Its recipients were accepted, each for itself, so a message belongs to no tenant. */
function noteMessage(log: NotedIn, message: FailedMessage): void {
  if (message.ref === null || !log.room()) return;
  const { client, peer, mailFrom } = message;
  log.note({
    ...nobody(message),
    kind: 'message',
    reason: `message-${message.result}`,
    client: peer ?? client.address,
    realClient: client.address,
    mailFrom,
    detail: message.nextHopReply ?? worded(message.reply.text),
  });
}

function noteSession(log: NotedIn, refusal: SessionRefusal): void {
  if (!log.room()) return;
  const { client, peer, command } = refusal;
  const words = worded(refusal.reply.text);
  log.note({
    ...nobody(refusal),
    kind: 'session',
    reason: 'session-refused',
    client: peer ?? client.address,
    realClient: client.address,
    mailFrom: null,
    detail: command === null ? words : `${command}: ${words}`,
  });
}

function nobody({ ref, reply, helo, tls, session, mode }: FailedMessage | SessionRefusal) {
  const none = { rcpt: null, address: null, domain: null, tenant: null, directoryAge: null };
  return { at: Date.now(), ref, code: reply.code, helo, tls, session, source: mode, ...none };
}

/** A reply without its reference, which would make every one different. */
function worded(reply: string): string {
  return reply.replace(/ ?\[ref [0-9A-Z]{6}\]$/, '');
}

function functionsOf(log: RejectionLog): RejectionFunctions {
  return {
    list: (query) => log.ask('list', query),
    top: (query) => log.ask('top', query),
    history: (query) => log.ask('history', query),
    reference: (reference, tenants) => log.ask('reference', { reference, tenants }),
    regrets: (query) => log.ask('regrets', query),
  };
}
