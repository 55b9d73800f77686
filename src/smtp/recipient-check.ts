/**
 * What is said about one recipient before its next hop is asked: the directory, a lookup for somebody it does not know,
 * and what the transaction can still take. `smtp/mail.ts` turns it into a reply.
 */
import type { Mailbox } from '../core/address.ts';
import { ACTION_OF, bareVerdict, type Reason, type Verdict } from '../core/verdict.ts';
import type { HarvestGate } from './admission.ts';
import type { ListenerMode, SessionFacts, SmtpEvents } from './events.ts';

/** What checking needs from the gateway. */
export interface CheckEdge {
  /** The verdict on a recipient, at once. An error counts as `internal-error`. */
  check(mailbox: Mailbox): Verdict;
  /**
   * Another opinion on a mailbox that `check` found unknown: at once, or within a bounded time. Without it the first no
   * is final. An error counts as `internal-error`.
   */
  readonly lookup?: ((mailbox: Mailbox, verdict: Verdict) => Verdict | Promise<Verdict>) | null;
  readonly events: Pick<SmtpEvents, 'listenerTrouble'>;
}

/**
 * The verdict on a mailbox, synchronously unless a lookup has to be waited for. Neither throws nor rejects. `harvest` is told
 * of a confirmed absence and may turn it into a deferral; null for a client that is not watched.
 */
export function checkRecipient(
  { check, lookup, events }: CheckEdge,
  harvest: HarvestGate | null,
  mailbox: Mailbox,
  session: { facts(): SessionFacts; readonly watched?: string | null },
): Verdict | Promise<Verdict> {
  const failed = (error: unknown): Verdict => {
    events.listenerTrouble({ stage: 'check', error, client: session.facts().client });
    return bareVerdict('internal-error', mailbox.key);
  };
  const watched = (verdict: Verdict): Verdict => {
    // Only a proven absence counts: what we could not tell is our trouble and not a guess.
    if (verdict.reason !== 'unknown' || !harvest) return verdict;
    const over = harvest.absent(session.watched ?? session.facts().client.address, mailbox.key);
    return over ? because(verdict, 'harvest-limit') : verdict;
  };
  try {
    const verdict = check(mailbox);
    if (verdict.reason !== 'unknown') return verdict;
    const told = lookup ? lookup(mailbox, verdict) : verdict;
    return told instanceof Promise ? told.then(watched).catch(failed) : watched(told);
  } catch (error) {
    return failed(error);
  }
}

/** The verdict, unless the transaction cannot take one more recipient, or not this one. */
export function joined(
  verdict: Verdict,
  { mode, maxRecipients }: { readonly mode: ListenerMode; readonly maxRecipients: number },
  transaction: { readonly accepted: number; takes(nextHop: string): boolean },
): Verdict {
  if (verdict.action !== 'accept') return verdict;
  if (transaction.accepted >= maxRecipients) return because(verdict, 'too-many-recipients');
  if (mode === 'verify') return verdict;
  if (verdict.nextHop === null) return because(verdict, 'internal-error');
  return transaction.takes(verdict.nextHop) ? verdict : because(verdict, 'other-next-hop');
}

function because(verdict: Verdict, reason: Reason): Verdict {
  return { ...verdict, action: ACTION_OF[reason], reason };
}
