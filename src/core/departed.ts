/**
 * Addresses that left a tenant and when, in shared memory: a tenant that lost half of its addresses is published to
 * the answering thread at the price of a pointer, and read there without an object per address.
 */
import { addressSetFrom, addressSetOf } from './address-set.ts';

/** Looked up by normalised address. A Map is one too. */
export interface Departed {
  readonly size: number;
  /** When the address left, ms since 1970; undefined when it did not. */
  get(address: string): number | undefined;
}

/** Departed addresses as they travel between threads. */
export interface DepartedSnapshot {
  readonly addresses: SharedArrayBuffer;
  /** One 64-bit float for each slot of `addresses`. */
  readonly removedAt: SharedArrayBuffer;
}

/** Packs addresses with the times (ms since 1970) they left. The last time of an address counts. */
export function packDeparted(departed: ReadonlyArray<readonly [string, number]>): DepartedSnapshot {
  const addresses = addressSetOf(departed.map(([address]) => address));
  const removedAt = new SharedArrayBuffer(addresses.slots * Float64Array.BYTES_PER_ELEMENT);
  const times = new Float64Array(removedAt);
  for (const [address, at] of departed) times[addresses.slotOf(address)] = at;
  return { addresses: addresses.buffer, removedAt };
}

/** Opens what {@link packDeparted} made, in this thread or another. */
export function openDeparted(snapshot: DepartedSnapshot): Departed {
  const addresses = addressSetFrom(snapshot.addresses);
  const times = new Float64Array(snapshot.removedAt);
  return {
    size: addresses.size,
    get(address) {
      const slot = addresses.size === 0 ? -1 : addresses.slotOf(address);
      return slot < 0 ? undefined : times[slot];
    },
  };
}
