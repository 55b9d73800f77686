/** The SMTP side put together: what a connection may ask, the relay behind it, and every listener of the configuration. */
import { randomBytes } from 'node:crypto';
import type { Certificates } from './certificates.ts';
import type { Config, SmtpConfig } from './config/config.ts';
import { readAuthorities } from './config/file.ts';
import { decide } from './core/decide.ts';
import { type Directory, type DirectorySnapshot, emptyTenantDirectory } from './core/directory.ts';
import { afterLookup, lookupKeys, wantsLookup } from './core/lookup.ts';
import { type Operator, type OperatorSnapshot, operatorFrom, SILENT } from './core/operator.ts';
import type { Policy } from './core/policy.ts';
import { referenceSource } from './core/reference.ts';
import type { Verdict } from './core/verdict.ts';
import { addressText } from './inquiry.ts';
import type { Events, RecipientEvent } from './ops/events.ts';
import type { RejectionNotes } from './rejections.ts';
import type { HarvestGate } from './smtp/admission.ts';
import { type ListenerOptions, openListener, type SmtpEdge, type SmtpListener } from './smtp/listener.ts';
import { DEFAULT_TIMEOUTS } from './smtp/next-hop.ts';
import { createRelay, type Relay } from './smtp/relay.ts';
import type { TlsMaterial } from './smtp/tls-context.ts';
import type { AcceptedMailLog } from './sync/accepted-mail.ts';
import type { LiveLookups } from './sync/lookup.ts';
import { type ObservationLog, observeMessage, observeRecipient } from './sync/observations.ts';

/** What both sides touch; only what the learning thread publishes is assigned to it, each value whole. */
export interface Shared {
  directory: Directory;
  operator: Operator;
  /** What the operator said beyond the configuration, as it is in `operator`. */
  told: OperatorSnapshot;
  /** The directories as they were published, by tenant. */
  readonly snapshots: Map<string, DirectorySnapshot>;
}

/** The state before the learning thread has told anything. */
export function nothingLearnt({ tenants, policy }: Config): Shared {
  return {
    directory: new Map(tenants.map(({ id }) => [id, emptyTenantDirectory(id)])),
    operator: operatorFrom(policy, SILENT),
    told: SILENT,
    snapshots: new Map(),
  };
}

/** Opens the relay as the configuration says; next hops are connected to when mail needs them. */
export function openRelay({ hostname, caFile, relay, workers }: Config): Relay {
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
    // Each worker has a relay of its own.
    maxConnections: Math.ceil(relay.maxConnections / workers),
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

/** What answers and takes notes beside the directory and the relay. */
export interface EdgeParts {
  readonly lookups: LiveLookups | null;
  readonly accepted: AcceptedMailLog;
  readonly observed: ObservationLog;
  readonly rejections: RejectionNotes;
  readonly harvest: HarvestGate;
}

/** The answer to one recipient, through whatever door. */
export type AnsweredRecipient = RecipientEvent & { readonly verdict: Verdict };

/** An edge, with where the other doors tell their answers. */
export type GatewayEdge = SmtpEdge & { answered(answer: AnsweredRecipient): void };

/** What a connection may ask and tell. Everything it reads of `shared` is the value of that moment. */
export function edgeOf(
  shared: Shared,
  relay: Relay | null,
  { lookups, accepted, observed, rejections, harvest }: EdgeParts,
  events: Events,
): GatewayEdge {
  const answered = (answer: AnsweredRecipient): void => {
    const { tenant, matched, reason } = answer.verdict;
    // What an override or a policy accepted is not the directory's to lose.
    const known = reason === 'known' || reason === 'subaddress' || reason === 'grace';
    if (known && answer.reply.code < 300 && tenant !== null && matched !== null)
      accepted.note(tenant, matched);
    events.recipient(answer);
    rejections.recipient(answer);
  };
  const nextHops = nextHopsOf();
  return {
    check: (mailbox) => decide(mailbox, shared.directory, shared.operator.policy, Date.now()),
    lookup:
      lookups &&
      ((mailbox, verdict) => {
        if (!wantsLookup(verdict)) return verdict;
        const question = { tenant: verdict.tenant, addresses: lookupKeys(mailbox, shared.operator.policy) };
        const outcome = lookups.ask(question);
        return outcome instanceof Promise
          ? outcome.then((told) => afterLookup(verdict, told))
          : afterLookup(verdict, outcome);
      }),
    relay,
    harvest,
    nextHops: () => nextHops(shared.operator.policy),
    reference: referenceSource(randomBytes),
    answered,
    events: {
      recipientAnswered(answer) {
        observeRecipient(observed, answer);
        answered(answer);
      },
      messageRelayed: events.message,
      messageFailed(message) {
        observeMessage(observed, message);
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

/** Every next hop of a policy, gathered once for each policy: EHLO asks for them. */
function nextHopsOf(): (policy: Policy) => readonly string[] {
  let of: Policy['domains'] | null = null;
  let hops: readonly string[] = [];
  return ({ domains }) => {
    if (domains !== of) hops = [...new Set([...domains.values()].flatMap(({ nextHop }) => nextHop ?? []))];
    of = domains;
    return hops;
  };
}

/**
 * Opens every listener.
 * @throws Error when an address cannot be listened on.
 */
export async function openListeners(
  live: { readonly config: Config },
  edge: SmtpEdge,
  certificates: Certificates,
  fds: ReadonlyArray<number | null>,
  events: Events,
  closers: Array<() => PromiseLike<unknown>>,
): Promise<SmtpListener[]> {
  const listeners: SmtpListener[] = [];
  // All listeners drain at the same time, so they are one thing to close.
  closers.push(() => Promise.all(listeners.map((listener) => listener.close(live.config.stopTimeout))));
  const { config } = live;
  for (const [index, smtp] of config.smtp.entries()) {
    const options = listenerOptions(config, smtp, certificates.first(smtp));
    const fd = fds[index] ?? null;
    const listener = await openListener(fd === null ? options : { ...options, fd }, edge);
    listeners.push(listener);
    events.listenerOpen(addressText(listener), smtp.mode, listener.certified());
  }
  learnNextHops(config, edge);
  return listeners;
}

/** Asks every next hop what it can do: that is best known before the first client asks. */
export function learnNextHops({ smtp }: Config, { relay, nextHops, events }: SmtpEdge): void {
  if (!relay || smtp.every(({ mode }) => mode !== 'relay')) return;
  for (const hop of nextHops()) void relay.learn(hop, events.nextHopTrouble);
}

/** A listener as the configuration says, with the certificates that were read for it. */
export function listenerOptions(
  config: Config,
  { tlsFiles: _files, inherited: _socket, tls, ...smtp }: SmtpConfig,
  material: TlsMaterial | null,
): ListenerOptions {
  return {
    ...smtp,
    hostname: config.hostname,
    tls: material,
    tlsMode: tls.mode === 'implicit' ? 'implicit' : 'starttls',
    tlsMinVersion: tls.minVersion,
    clientCertificate: tls.clientCertificate,
    closeTimeout: config.stopTimeout,
  };
}
