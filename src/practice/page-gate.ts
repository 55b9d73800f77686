/** Page gates: hold the response of one page until a test releases it, for instance to kill the client meanwhile. */
import type { StreamName } from '../core/recipient.ts';

export interface PageGate {
  /** Settles when the request for the page has arrived and its response is being held. */
  readonly reached: Promise<void>;
  /** Lets the response go, and every later one. */
  release(): void;
}

export interface PageGates {
  add(stream: StreamName, page: number): PageGate;
  pass(stream: StreamName, page: number): Promise<void>;
  /** Releases and forgets every gate. */
  clear(): void;
}

interface HeldPage {
  readonly stream: StreamName;
  readonly page: number;
  readonly opened: Promise<void>;
  arrive(): void;
  release(): void;
}

/** No gates at all, to begin with. */
export function pageGates(): PageGates {
  const held = new Set<HeldPage>();
  return {
    add(stream, page) {
      const arrival = signal();
      const opening = signal();
      const entry: HeldPage = { stream, page, opened: opening.done, arrive: arrival.fire, release };
      function release(): void {
        held.delete(entry);
        opening.fire();
      }
      held.add(entry);
      return { reached: arrival.done, release };
    },
    async pass(stream, page) {
      for (const entry of [...held]) {
        if (entry.stream !== stream || entry.page !== page) continue;
        entry.arrive();
        await entry.opened;
      }
    },
    clear() {
      for (const entry of [...held]) entry.release();
    },
  };
}

function signal(): { done: Promise<void>; fire: () => void } {
  let fire: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    fire = resolve;
  });
  return { done, fire };
}
