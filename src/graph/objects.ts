/**
 * Graph's JSON objects as recipient patches. Strict about types: a property of the wrong type means that the page is
 * not what Graph sends, and a page that is not understood must not change the mirror.
 */
import { createHash } from 'node:crypto';
import type { RecipientFacts, RecipientPatch, StreamName } from '../core/recipient.ts';

/** Properties asked for, per stream. Never `members`: large groups would repeat over many pages. */
export const SELECTED: Readonly<Record<StreamName, readonly string[]>> = {
  users: ['id', 'displayName', 'userPrincipalName', 'mail', 'proxyAddresses', 'accountEnabled', 'userType'],
  groups: ['id', 'displayName', 'mail', 'proxyAddresses', 'groupTypes', 'mailEnabled', 'securityEnabled'],
  contacts: ['id', 'displayName', 'mail', 'proxyAddresses'],
};

/**
 * Fingerprint of a stream's `$select`: a cursor keeps the selection it was made with, so another selection needs
 * another full read.
 */
export function selectHash(stream: StreamName): string {
  return createHash('sha256').update(SELECTED[stream].join(',')).digest('hex').slice(0, 16);
}

export type ReadPatch =
  | { readonly ok: true; readonly patch: RecipientPatch }
  | { readonly ok: false; readonly problem: string };

type Check = (value: unknown) => boolean;

const isText: Check = (value) => value === null || typeof value === 'string';
const isFlag: Check = (value) => value === null || typeof value === 'boolean';
const isTexts: Check = (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string');

const FACTS: Readonly<Record<keyof RecipientFacts, Check>> = {
  displayName: isText,
  mail: isText,
  userPrincipalName: isText,
  userType: isText,
  accountEnabled: isFlag,
  mailEnabled: isFlag,
  securityEnabled: isFlag,
  groupTypes: isTexts,
  proxyAddresses: isTexts,
};

/** Reads one entry of a page; unknown properties are left out. Never throws. */
export function readObject(item: unknown): ReadPatch {
  if (!isRecord(item)) return { ok: false, problem: 'an entry is not an object' };
  const id = item.id;
  if (typeof id !== 'string' || id === '') return { ok: false, problem: 'an entry has no id' };
  const removed = readRemoved(item['@removed']);
  if (removed === 'unknown') return { ok: false, problem: `entry ${id} has an unknown @removed` };
  const facts: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(FACTS)) {
    const value = item[name];
    if (value === undefined) continue;
    if (!check(value)) return { ok: false, problem: `${name} of entry ${id} has the wrong type` };
    facts[name] = value;
  }
  const patch: RecipientPatch = removed === null ? { id, facts } : { id, removed, facts };
  return { ok: true, patch };
}

/** `{"reason":"changed"}` is a soft delete, `{"reason":"deleted"}` the end; null when not removed. */
function readRemoved(value: unknown): 'changed' | 'deleted' | 'unknown' | null {
  if (value === undefined) return null;
  const reason = isRecord(value) ? value.reason : undefined;
  return reason === 'changed' || reason === 'deleted' ? reason : 'unknown';
}

/** Whether a JSON value is an object (not an array, not null). */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
