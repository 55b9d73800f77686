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
import type { Rejections } from './rejections.ts';
import { type ListenerOptions, openListener, type SmtpEdge, type SmtpListener } from './smtp/listener.ts';
import { DEFAULT_TIMEOUTS } from './smtp/next-hop.ts';
import { createRelay, type Relay } from './smtp/relay.ts';
import type { AcceptedMailLog } from './sync/accepted-mail.ts';
import type { LiveLookups } from './sync/lookup.ts';

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
    tls: relay.tls,
    ...(ca === null ? {} : { ca }),
    maxIdle: relay.maxIdle,
    idleMs: relay.idle,
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

/** What is asked and told besides the directory and the relay. */
export interface EdgeParts {
  readonly lookups: LiveLookups | null;
  readonly accepted: AcceptedMailLog;
  readonly rejections: Rejections;
}

/** What a connection may ask and tell. Everything it reads of `shared` is the value of that moment. */
export function edgeOf(
  { policy }: Config,
  shared: Shared,
  relay: Relay,
  { lookups, accepted, rejections }: EdgeParts,
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
        events.recipient(answer);
        rejections.recipient(answer);
      },
      messageRelayed: events.message,
      messageFailed(message) {
        events.message(message);
        rejections.message(message);
      },
      nextHopTrouble: events.nextHopTrouble,
      sessionRefused(refusal) {
        events.sessionRefuse(refusal);
        rejections.session(refusal);
      },
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
  return listeners;
}

function listenerOptions(config: Config, { tlsFiles, ...smtp }: SmtpConfig): ListenerOptions {
  const tls = tlsFiles && {
    cert: readFileSync(tlsFiles.cert, 'utf8'),
    key: readFileSync(tlsFiles.key, 'utf8'),
  };
  return { ...smtp, hostname: config.hostname, tls, closeTimeout: config.stopTimeout };
}
