/** A listener for tests: a small directory, every event recorded, everything closed at the end of the test. */
import { onTestFinished } from 'vitest';
import type { Mailbox } from '../../src/core/address.ts';
import { bareVerdict, type Verdict } from '../../src/core/verdict.ts';
import type {
  FailedMessage,
  ListenerTrouble,
  RecipientAnswer,
  RelayedMessage,
  SessionRefusal,
  SmtpEvents,
} from '../../src/smtp/events.ts';
import {
  type ListenerOptions,
  openListener,
  type SmtpEdge,
  type SmtpListener,
} from '../../src/smtp/listener.ts';
import type { HopTimeouts, HopTrouble } from '../../src/smtp/next-hop.ts';
import { createRelay, type Relay, type RelayOptions } from '../../src/smtp/relay.ts';
import { Dialog } from './dialog.ts';

export class Recorder implements SmtpEvents {
  readonly recipients: RecipientAnswer[] = [];
  readonly relayed: RelayedMessage[] = [];
  readonly failed: FailedMessage[] = [];
  readonly hopTroubles: HopTrouble[] = [];
  readonly refusals: SessionRefusal[] = [];
  readonly troubles: ListenerTrouble[] = [];
  private watchers: Array<() => void> = [];

  recipientAnswered(event: RecipientAnswer): void {
    this.note(this.recipients, event);
  }
  messageRelayed(event: RelayedMessage): void {
    this.note(this.relayed, event);
  }
  messageFailed(event: FailedMessage): void {
    this.note(this.failed, event);
  }
  nextHopTrouble(event: HopTrouble): void {
    this.note(this.hopTroubles, event);
  }
  sessionRefused(event: SessionRefusal): void {
    this.note(this.refusals, event);
  }
  listenerTrouble(event: ListenerTrouble): void {
    this.note(this.troubles, event);
  }

  /** Waits until something recorded makes `seen` true. */
  async until(seen: () => boolean): Promise<void> {
    while (!seen()) await new Promise<void>((resolve) => this.watchers.push(resolve));
  }

  private note<Event>(list: Event[], event: Event): void {
    list.push(event);
    for (const wake of this.watchers.splice(0)) wake();
  }
}

export const OPTIONS: ListenerOptions = {
  host: '127.0.0.1',
  port: 0,
  mode: 'verify',
  hostname: 'gw.example',
  tls: null,
  maxRecipients: 100,
  maxMessageSize: 50_000_000,
  access: { proxies: [], xclient: [], trusted: [], allow: [] },
  maxConnections: 100,
  maxConnectionsPerClient: 0,
  commandTimeout: 20_000,
  dataTimeout: 20_000,
  sessionTimeout: 60_000,
  greetingDelay: 0,
  bareNewlines: 'normalise',
  closeTimeout: 0,
};

const TIMEOUTS: Partial<HopTimeouts> = { connect: 2000, body: 5000, message: 5000 };

export interface Gateway {
  readonly port: number;
  readonly listener: SmtpListener;
  readonly events: Recorder;
  dialog(greet?: boolean, from?: string): Promise<Dialog>;
  /** A dialog that has said EHLO. */
  greeted(): Promise<Dialog>;
}

/** Accepts local parts starting with "known"; the rest of the local part of others names the reason. */
export function verdictFor(mailbox: Mailbox, nextHop: string | null): Verdict {
  if (mailbox.local === 'crash') throw new Error('check failed');
  const reason = mailbox.local.startsWith('known') || mailbox.domain === '' ? 'known' : 'unknown';
  return { ...bareVerdict(reason, mailbox.key), domain: mailbox.domain, nextHop };
}

/** Opens a gateway that lives until the end of the test. */
export async function openGateway(
  options: Partial<ListenerOptions> = {},
  edge: Partial<SmtpEdge> = {},
): Promise<Gateway> {
  const events = new Recorder();
  const listener = await openListener(
    { ...OPTIONS, ...options },
    {
      check: (mailbox) => verdictFor(mailbox, null),
      relay: null,
      nextHops: () => [],
      reference: () => '7F3K2Q',
      events,
      ...edge,
    },
  );
  const dialogs: Dialog[] = [];
  onTestFinished(async () => {
    for (const dialog of dialogs) dialog.close();
    await listener.close(0);
  });
  const { port } = listener.address();
  const dialog = async (greet = true, from?: string): Promise<Dialog> => {
    const opened = await Dialog.open(port, greet, from);
    dialogs.push(opened);
    return opened;
  };
  const greeted = async (): Promise<Dialog> => {
    const opened = await dialog();
    await opened.ask('EHLO client.example');
    return opened;
  };
  return { port, listener, events, dialog, greeted };
}

/** A gateway in relay mode before one next hop, or several by domain. */
export async function openRelaying(
  nextHop: string | ((mailbox: Mailbox) => string),
  options: Partial<ListenerOptions> = {},
  relayOptions: Partial<RelayOptions> = {},
  edge: Partial<SmtpEdge> = {},
): Promise<Gateway & { relay: Relay }> {
  const { timeouts, ...rest } = relayOptions;
  const relay = createRelay({
    hostname: 'gw.example',
    timeouts: { ...TIMEOUTS, ...timeouts },
    tls: 'off',
    maxIdle: 4,
    idleMs: 10_000,
    ...rest,
  });
  const hopOf = typeof nextHop === 'string' ? () => nextHop : nextHop;
  const gateway = await openGateway(
    { mode: 'relay', ...options },
    {
      check: (mailbox) => verdictFor(mailbox, hopOf(mailbox)),
      relay,
      nextHops: () => (typeof nextHop === 'string' ? [nextHop] : []),
      ...edge,
    },
  );
  onTestFinished(() => relay.close());
  return { ...gateway, relay };
}
