/**
 * Which addresses mail was accepted for, on its way from the answering side to the learning thread: collected, told
 * now and then, bounded. A RCPT costs one entry of a set and never waits; what does not fit is not told.
 */
import type { AcceptedMail } from './protocol.ts';

export interface AcceptedMailLog extends AsyncDisposable {
  note(tenant: string, address: string): void;
}

/** Ms between two tellings. */
const INTERVAL = 30_000;
/** Most addresses between two tellings; the next day tells of the others. */
const LIMIT = 20_000;

/** Collects and hands over to `tell`, whose failure puts the addresses back. */
export function collectAcceptedMail(
  tell: (mail: readonly AcceptedMail[]) => Promise<unknown>,
  interval: number = INTERVAL,
  limit: number = LIMIT,
): AcceptedMailLog {
  let collected = new Map<string, Set<string>>();
  let size = 0;
  let telling = false;
  const note = (tenant: string, address: string): void => {
    if (size >= limit) return;
    const addresses = collected.get(tenant) ?? new Set();
    if (addresses.size === 0) collected.set(tenant, addresses);
    else if (addresses.has(address)) return;
    addresses.add(address);
    size += 1;
  };
  const flush = async (): Promise<void> => {
    if (telling || size === 0) return;
    telling = true;
    const mail = [...collected].map(([tenant, addresses]) => ({ tenant, addresses: [...addresses] }));
    collected = new Map();
    size = 0;
    try {
      await tell(mail);
    } catch {
      for (const { tenant, addresses } of mail) for (const address of addresses) note(tenant, address);
    } finally {
      telling = false;
    }
  };
  const timer = setInterval(() => void flush(), interval);
  timer.unref();
  return {
    note,
    /** Tells what is left. */
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await flush();
    },
  };
}
