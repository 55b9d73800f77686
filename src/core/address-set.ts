/**
 * An exact set of addresses in one SharedArrayBuffer: immutable once built, readable from any thread.
 *
 * Layout: a header of four 32-bit words (slots, count, slab offset, slab length), the slot table (32-bit slab
 * positions plus one, 0 is free), one tag byte per slot, and the slab of entries. An entry is a length byte and
 * the UTF-8 bytes; length 255 is followed by the true length in two bytes. Tags only spare a look into the slab:
 * the bytes are always compared, so there is no false answer in either direction.
 */

const HEADER_WORDS = 4;
const MAX_LOAD = 0.75;
const LONG = 255;
const MAX_ENTRY = 0xffff;

const encoder = new TextEncoder();
const scratch = new Uint8Array(1024);

/** Read side of the set. */
export interface AddressSet {
  readonly size: number;
  /** The memory behind the set, to be posted to another thread. */
  readonly buffer: SharedArrayBuffer;
  /** Number of slots; every slot number is below it. */
  readonly slots: number;
  /** Whether a normalised address is in the set. Allocates nothing for ASCII. */
  has(key: string): boolean;
  /** The slot an address is in, for values kept beside the set; -1 when it is not in the set. */
  slotOf(key: string): number;
}

/** Collects normalised addresses; adding one twice counts once. */
export interface AddressSetBuilder {
  /** @throws RangeError when the address is longer than 65,535 bytes. */
  add(key: string): void;
  /** Takes an address out; its bytes stay behind unused until a set is built anew. */
  remove(key: string): void;
  build(): AddressSet;
}

/** Starts a new set. `expected` is a hint for the number of addresses, at least 0. */
export function addressSetBuilder(expected = 0): AddressSetBuilder {
  const slots = slotsFor(expected);
  return builderOf({
    table: new Uint32Array(slots),
    tags: new Uint8Array(slots),
    slab: new Uint8Array(Math.max(1024, expected * 40)),
    used: 0,
    count: 0,
  });
}

/** Starts from what another set holds, which stays as it is: three copies of memory instead of a look at every address. */
export function addressSetBuilderFrom(buffer: SharedArrayBuffer): AddressSetBuilder {
  const { table, tags, slab, size } = openBuffer(buffer);
  return builderOf({
    table: new Uint32Array(table),
    tags: new Uint8Array(tags),
    slab: new Uint8Array(slab),
    used: slab.length,
    count: size,
  });
}

interface Tables {
  readonly table: Uint32Array;
  readonly tags: Uint8Array;
  readonly slab: Uint8Array;
  readonly used: number;
  readonly count: number;
}

function builderOf(start: Tables): AddressSetBuilder {
  let { table, tags, slab, used, count } = start;
  let slots = table.length;

  const reserve = (bytes: number): void => {
    if (used + bytes <= slab.length) return;
    const larger = new Uint8Array(Math.max(slab.length * 2, used + bytes));
    larger.set(slab);
    slab = larger;
  };
  const grow = (): void => {
    slots *= 2;
    const nextTable = new Uint32Array(slots);
    const nextTags = new Uint8Array(slots);
    for (const position of table) {
      if (position === 0) continue;
      const [start, length] = entryAt(slab, position - 1);
      const hash = hashBytes(slab, start, length);
      const slot = freeSlot(nextTable, hash, slots - 1);
      nextTable[slot] = position;
      nextTags[slot] = hash >>> 24;
    }
    table = nextTable;
    tags = nextTags;
  };

  return {
    add(key) {
      const bytes = encoder.encode(key);
      if (bytes.length > MAX_ENTRY) throw new RangeError(`address of ${bytes.length} bytes is too long`);
      const hash = hashBytes(bytes, 0, bytes.length);
      if (find(table, tags, slab, bytes, bytes.length, hash) >= 0) return;
      if (count + 1 > slots * MAX_LOAD) grow();
      reserve(bytes.length + 3);
      const slot = freeSlot(table, hash, slots - 1);
      table[slot] = used + 1;
      tags[slot] = hash >>> 24;
      used = writeEntry(slab, used, bytes);
      count += 1;
    },
    remove(key) {
      const bytes = encoder.encode(key);
      const slot = find(table, tags, slab, bytes, bytes.length, hashBytes(bytes, 0, bytes.length));
      if (slot < 0) return;
      closeGap(table, tags, slab, slot);
      count -= 1;
    },
    build() {
      return addressSetFrom(pack(table, tags, slab.subarray(0, used), count));
    },
  };
}

/** The set behind a buffer that {@link addressSetBuilder} made, in this thread or another. */
export function addressSetFrom(buffer: SharedArrayBuffer): AddressSet {
  const { table, tags, slab, size } = openBuffer(buffer);
  const slots = table.length;
  const slotOf = (key: string): number => {
    const length = key.length;
    if (length > scratch.length) return slotOfBytes(encoder.encode(key));
    let hash = FNV_START;
    for (let index = 0; index < length; index++) {
      const code = key.charCodeAt(index);
      if (code > 0x7f) return slotOfBytes(encoder.encode(key));
      scratch[index] = code;
      hash = Math.imul(hash ^ code, FNV_PRIME);
    }
    return find(table, tags, slab, scratch, length, mixed(hash));
  };
  const slotOfBytes = (bytes: Uint8Array): number =>
    find(table, tags, slab, bytes, bytes.length, hashBytes(bytes, 0, bytes.length));
  return { size, buffer, slots, slotOf, has: (key) => slotOf(key) >= 0 };
}

/** Every address of the set behind a buffer, in no order that means anything. */
export function* addressesIn(buffer: SharedArrayBuffer): Generator<string> {
  const { table, slab } = openBuffer(buffer);
  const decoder = new TextDecoder();
  for (const position of table) {
    if (position === 0) continue;
    const [start, length] = entryAt(slab, position - 1);
    // A decoder takes no shared memory.
    yield decoder.decode(Uint8Array.prototype.slice.call(slab, start, start + length));
  }
}

/** A set of the given normalised addresses. */
export function addressSetOf(keys: Iterable<string>): AddressSet {
  const builder = addressSetBuilder();
  for (const key of keys) builder.add(key);
  return builder.build();
}

function slotsFor(expected: number): number {
  let slots = 16;
  while (slots * MAX_LOAD < expected) slots *= 2;
  return slots;
}

function openBuffer(buffer: SharedArrayBuffer) {
  const [slots = 0, size = 0, slabOffset = 0, slabLength = 0] = new Uint32Array(buffer, 0, HEADER_WORDS);
  return {
    size,
    table: new Uint32Array(buffer, HEADER_WORDS * 4, slots),
    tags: new Uint8Array(buffer, HEADER_WORDS * 4 + slots * 4, slots),
    slab: new Uint8Array(buffer, slabOffset, slabLength),
  };
}

function pack(table: Uint32Array, tags: Uint8Array, slab: Uint8Array, count: number): SharedArrayBuffer {
  const slabOffset = HEADER_WORDS * 4 + table.length * 5;
  const buffer = new SharedArrayBuffer(slabOffset + slab.length);
  new Uint32Array(buffer, 0, HEADER_WORDS).set([table.length, count, slabOffset, slab.length]);
  new Uint32Array(buffer, HEADER_WORDS * 4, table.length).set(table);
  new Uint8Array(buffer, HEADER_WORDS * 4 + table.length * 4, tags.length).set(tags);
  new Uint8Array(buffer, slabOffset).set(slab);
  return buffer;
}

function writeEntry(slab: Uint8Array, at: number, bytes: Uint8Array): number {
  let position = at;
  if (bytes.length < LONG) {
    slab[position++] = bytes.length;
  } else {
    slab[position++] = LONG;
    slab[position++] = bytes.length >>> 8;
    slab[position++] = bytes.length & 0xff;
  }
  slab.set(bytes, position);
  return position + bytes.length;
}

function entryAt(slab: Uint8Array, position: number): [start: number, length: number] {
  const first = slab[position] ?? 0;
  if (first !== LONG) return [position + 1, first];
  return [position + 3, ((slab[position + 1] ?? 0) << 8) | (slab[position + 2] ?? 0)];
}

function find(
  table: Uint32Array,
  tags: Uint8Array,
  slab: Uint8Array,
  bytes: Uint8Array,
  length: number,
  hash: number,
): number {
  const mask = table.length - 1;
  const tag = hash >>> 24;
  for (let slot = hash & mask; table[slot] !== 0; slot = (slot + 1) & mask) {
    if (tags[slot] === tag && sameEntry(slab, (table[slot] ?? 0) - 1, bytes, length)) return slot;
  }
  return -1;
}

function sameEntry(slab: Uint8Array, position: number, bytes: Uint8Array, length: number): boolean {
  let start = position + 1;
  let stored = slab[position] ?? 0;
  if (stored === LONG) {
    stored = ((slab[position + 1] ?? 0) << 8) | (slab[position + 2] ?? 0);
    start += 2;
  }
  if (stored !== length) return false;
  for (let index = 0; index < length; index++) if (slab[start + index] !== bytes[index]) return false;
  return true;
}

function freeSlot(table: Uint32Array, hash: number, mask: number): number {
  let slot = hash & mask;
  while (table[slot] !== 0) slot = (slot + 1) & mask;
  return slot;
}

const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Frees a slot and moves back what was pushed past it, so that a search still ends at the first free slot (Knuth, The
 * Art of Computer Programming volume 3, section 6.4, algorithm R).
 */
function closeGap(table: Uint32Array, tags: Uint8Array, slab: Uint8Array, from: number): void {
  const mask = table.length - 1;
  let gap = from;
  for (let slot = (gap + 1) & mask; table[slot] !== 0; slot = (slot + 1) & mask) {
    const [start, length] = entryAt(slab, (table[slot] ?? 0) - 1);
    const home = hashBytes(slab, start, length) & mask;
    if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
    table[gap] = table[slot] ?? 0;
    tags[gap] = tags[slot] ?? 0;
    gap = slot;
  }
  table[gap] = 0;
  tags[gap] = 0;
}

/** FNV-1a with a final mix, so that both the low bits (slot) and the high bits (tag) are spread. */
function hashBytes(bytes: Uint8Array, start: number, length: number): number {
  let hash = FNV_START;
  for (let index = start; index < start + length; index++) {
    hash = Math.imul(hash ^ (bytes[index] ?? 0), FNV_PRIME);
  }
  return mixed(hash);
}

function mixed(fnv: number): number {
  let hash = Math.imul(fnv ^ (fnv >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
