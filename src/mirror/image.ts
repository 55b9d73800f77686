/**
 * Images of published directories: the set of one tenant as a file beside the mirror, so that a restart at a million
 * users reads one file instead of every row. An image is a cache and never the truth: it is used only when it carries
 * the generation the mirror has now and its checksum holds; everything else is as good as no image.
 *
 * Layout: 64 bytes of header (magic, byte order, format, generation, length, SHA-256) and the set as it lies in memory.
 * The checksum covers the header's fields, the tenant's id and the set. Freshness is not in it: the mirror tells that.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface Images {
  /** The set of a tenant at a generation; null when there is no image of exactly that. Never throws. */
  load(tenant: string, generation: number): SharedArrayBuffer | null;
  /** The last set of a tenant that was kept, of whatever generation; null when there is none. Never throws. */
  loadLast(tenant: string): SharedArrayBuffer | null;
  /** Replaces the tenant's image unless it is of this generation already. @throws Error of the file system. */
  save(tenant: string, generation: number, known: SharedArrayBuffer): void;
}

const MAGIC = 0x52435047;
/** Reads differently on a machine with the other byte order, where the set would be unreadable too. */
const BYTE_ORDER = 0x01020304;
/** Changes whenever the layout or the hash of `core/address-set` does. */
const FORMAT = 1;
const FIELDS = 32;
const HEADER = 64;

/** Images in `folder`. */
export function openImages(folder: string): Images {
  const stored = new Map<string, number>();
  const pathOf = (tenant: string): string => join(folder, `directory-${encodeURIComponent(tenant)}.image`);
  return {
    load(tenant, generation) {
      try {
        const known = read(pathOf(tenant), tenant, generation);
        if (known) stored.set(tenant, generation);
        return known;
      } catch {
        return null;
      }
    },
    loadLast(tenant) {
      try {
        return read(pathOf(tenant), tenant, null);
      } catch {
        return null;
      }
    },
    save(tenant, generation, known) {
      if (stored.get(tenant) === generation) return;
      write(pathOf(tenant), tenant, generation, new Uint8Array(known));
      stored.set(tenant, generation);
    },
  };
}

/** The last set of a tenant that was kept in `folder`, for when the mirror itself cannot be opened. Never throws. */
export function lastImage(folder: string, tenant: string): SharedArrayBuffer | null {
  return openImages(folder).loadLast(tenant);
}

/** `generation` null: any. */
function read(path: string, tenant: string, generation: number | null): SharedArrayBuffer | null {
  const file = openSync(path, 'r');
  try {
    const length = fstatSync(file).size - HEADER;
    const header = new Uint8Array(HEADER);
    if (length < 0 || !fill(file, header)) return null;
    const wanted = fieldsOf(generation ?? new Float64Array(header.buffer, 16, 1)[0] ?? 0, length);
    if (Buffer.compare(header.subarray(0, FIELDS), wanted) !== 0) return null;
    const known = new SharedArrayBuffer(length);
    const body = new Uint8Array(known);
    if (!fill(file, body)) return null;
    return checksum(wanted, tenant, body).equals(header.subarray(FIELDS)) ? known : null;
  } finally {
    closeSync(file);
  }
}

/** The new image takes the old one's place at once, so a crash leaves one of them. */
function write(path: string, tenant: string, generation: number, body: Uint8Array): void {
  const fields = fieldsOf(generation, body.length);
  const temporary = `${path}.new`;
  try {
    const file = openSync(temporary, 'w', 0o640);
    try {
      writeAll(file, Buffer.concat([fields, checksum(fields, tenant, body)]));
      writeAll(file, body);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function fieldsOf(generation: number, length: number): Uint8Array {
  const fields = new ArrayBuffer(FIELDS);
  new Uint32Array(fields).set([MAGIC, BYTE_ORDER, FORMAT]);
  new Float64Array(fields, 16).set([generation, length]);
  return new Uint8Array(fields);
}

function checksum(fields: Uint8Array, tenant: string, body: Uint8Array): Buffer {
  return createHash('sha256').update(fields).update(tenant).update('\0').update(body).digest();
}

function fill(file: number, target: Uint8Array): boolean {
  for (let at = 0; at < target.length; ) {
    const count = readSync(file, target, at, target.length - at, null);
    if (count === 0) return false;
    at += count;
  }
  return true;
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at);
}
