/** The SMTP side put together: what a connection may ask, the relay behind it, and every listener of the configuration. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Config, SmtpConfig } from './config/config.ts';
import { readAuthorities } from './config/file.ts';
import { decide } from './core/decide.ts';
import type { Directory } from './core/directory.ts';
import { afterLookup, lookupKeys, wantsLookup } from './core/lookup.ts';
import type { Operator } from './core/operator.ts';
import { referenceSource } from './core/reference.ts';
import { addressText } from './inquiry.ts';
import type { Events } from './ops/events.ts';
import { type ListenerOptions, openListener, type SmtpEdge, type SmtpListener } from './smtp/listener.ts';
import { DEFAULT_TIMEOUTS } from './smtp/next-hop.ts';
import { createRelay, type Relay } from './smtp/relay.ts';
import type { AcceptedMailLog } from './sync/accepted-mail.ts';
import type { LiveLookups } from './sync/lookup.ts';
import { type ObservationLog, observeMessage, observeRecipient } from './sync/observations.ts';

/** What both sides touch; only what the learning thread publishes is assigned to it, each value whole. */
export interface Shared {
  directory: Directory;
  operator: Operator;
}

/** Opens the relay as the configuration says; next hops are connected to when mail needs them. */
export function openRelay({ hostname, caFile, relay }: Config): Relay {
  const command = relay.commandTimeout;
  // A ca_file that cannot be used was told at the start; mail that does not need it goes on.
  const authorities = readAuthorities(caFile);
  const ca = authorities.ok ? authorities.pem : null;
  return createRelay({
    hostname,
    tls: (nextHop) => relay.tlsOf[nextHop] ?? relay.tls,
    ...(ca === null ? {} : { ca }),
    maxIdle: relay.maxIdle,
    idleMs: relay.idle,
    maxMessages: relay.maxMessages,
    maxConnections: relay.maxConnections,
    slotWait: relay.wait,
    backoff: { first: relay.backoff, longest: Math.max(60_000, relay.backoff) },
    forwardClient: relay.forwardClient,
    timeouts: {
      ...DEFAULT_TIMEOUTS,
      connect: relay.connectTimeout,
      greeting: command,
      ehlo: command,
      mail: command,
      rcpt: command,
      data: command,
      body: relay.dataTimeout,
      message: relay.finalTimeout,
    },
  });
}

/** What the answering side asks of, and tells, the learning side. */
export interface Learned {
  readonly lookups: LiveLookups | null;
  readonly accepted: AcceptedMailLog;
  readonly observed: ObservationLog;
}

/** What a connection may ask and tell. Everything it reads of `shared` is the value of that moment. */
export function edgeOf(
  { policy }: Config,
  shared: Shared,
  relay: Relay,
  { lookups, accepted, observed }: Learned,
  events: Events,
): SmtpEdge {
  const nextHops = [...new Set([...policy.domains.values()].flatMap(({ nextHop }) => nextHop ?? []))];
  return {
    check: (mailbox) => decide(mailbox, shared.directory, shared.operator.policy, Date.now()),
    lookup:
      lookups &&
      ((mailbox, verdict, client) => {
        if (!wantsLookup(verdict)) return verdict;
        const question = { tenant: verdict.tenant, addresses: lookupKeys(mailbox, policy), client };
        const outcome = lookups.ask(question);
        return outcome instanceof Promise
          ? outcome.then((told) => afterLookup(verdict, told))
          : afterLookup(verdict, outcome);
      }),
    relay,
    nextHops: () => nextHops,
    reference: referenceSource(randomBytes),
    events: {
      recipientAnswered(answer) {
        const { tenant, matched, reason } = answer.verdict;
        // What an override or a policy accepted is not the directory's to lose.
        const known = reason === 'known' || reason === 'subaddress' || reason === 'grace';
        if (known && answer.reply.code < 300 && tenant !== null && matched !== null)
          accepted.note(tenant, matched);
        observeRecipient(observed, answer);
        events.recipient(answer);
      },
      messageRelayed: events.message,
      messageFailed(failed) {
        observeMessage(observed, failed);
        events.message(failed);
      },
      nextHopTrouble: events.nextHopTrouble,
      sessionRefused: events.sessionRefuse,
      listenerTrouble: events.listenerTrouble,
    },
  };
}

/**
 * Opens every listener.
 * @throws Error when an address cannot be listened on.
 */
export async function openListeners(
  config: Config,
  edge: SmtpEdge,
  events: Events,
  closers: Array<() => PromiseLike<unknown>>,
): Promise<SmtpListener[]> {
  const listeners: SmtpListener[] = [];
  // All listeners drain at the same time, so they are one thing to close.
  closers.push(() => Promise.all(listeners.map((listener) => listener.close(config.stopTimeout))));
  for (const smtp of config.smtp) {
    const listener = await openListener(listenerOptions(config, smtp), edge);
    listeners.push(listener);
    events.listenerOpen(addressText(listener), smtp.mode, smtp.tlsFiles !== null);
  }
  // What the next hops can do is best known before the first client asks.
  if (config.smtp.some(({ mode }) => mode === 'relay')) {
    for (const hop of edge.nextHops()) void edge.relay?.learn(hop, events.nextHopTrouble);
  }
  return listeners;
}

function listenerOptions(config: Config, { tlsFiles, ...smtp }: SmtpConfig): ListenerOptions {
  const tls = tlsFiles && {
    cert: readFileSync(tlsFiles.cert, 'utf8'),
    key: readFileSync(tlsFiles.key, 'utf8'),
  };
  return { ...smtp, hostname: config.hostname, tls, closeTimeout: config.stopTimeout };
}
