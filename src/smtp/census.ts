/** How many connections a listener has over all the threads that share it: one counter each, in shared memory. */

export interface CensusSlots {
  /** One counter for each thread. */
  readonly slots: Int32Array;
  /** Index of the thread's own. */
  readonly own: number;
}

export class Census {
  private readonly slots: Int32Array;
  private readonly own: number;

  constructor({ slots, own }: CensusSlots) {
    this.slots = slots;
    this.own = own;
  }

  enter(): void {
    Atomics.add(this.slots, this.own, 1);
  }

  leave(): void {
    Atomics.sub(this.slots, this.own, 1);
  }

  total(): number {
    return this.slots.reduce((sum, count) => sum + count, 0);
  }
}
