/** How many transactions a next hop serves at a time; one more waits a little for its turn, first come first served. */

export interface SlotLimits {
  readonly most: number;
  /** How long one waits, in ms. */
  readonly wait: number;
}

/** A place at a next hop; freed once, however often it is asked. */
export interface Slot {
  free(): void;
}

interface Queue {
  busy: number;
  readonly waiting: Array<(slot: Slot | null) => void>;
}

export class HopSlots {
  private readonly limits: SlotLimits;
  private readonly queues = new Map<string, Queue>();

  constructor(limits: SlotLimits) {
    this.limits = limits;
  }

  /** A slot, at once when there is one; null when none became free in time. */
  take(nextHop: string): Slot | Promise<Slot | null> {
    const queue = this.queues.get(nextHop) ?? { busy: 0, waiting: [] };
    this.queues.set(nextHop, queue);
    if (queue.busy < this.limits.most) {
      queue.busy += 1;
      return slotOf(queue);
    }
    return new Promise((resolve) => {
      const served = (slot: Slot | null): void => {
        clearTimeout(timer);
        resolve(slot);
      };
      const timer = setTimeout(() => {
        queue.waiting.splice(queue.waiting.indexOf(served), 1);
        resolve(null);
      }, this.limits.wait);
      queue.waiting.push(served);
    });
  }
}

function slotOf(queue: Queue): Slot {
  let held = true;
  return {
    free() {
      if (!held) return;
      held = false;
      const next = queue.waiting.shift();
      if (next) next(slotOf(queue));
      else queue.busy -= 1;
    },
  };
}
