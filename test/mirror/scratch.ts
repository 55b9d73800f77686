/** Mirrors in throw-away directories, and short words for rounds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressSetFrom } from '../../src/core/address-set.ts';
import type { RecipientFacts, RecipientPatch, StreamName } from '../../src/core/recipient.ts';
import { DEFAULT_GUARD } from '../../src/core/reconcile.ts';
import type { RoundEffect } from '../../src/mirror/completed-round.ts';
import { type Mirror, openMirror } from '../../src/mirror/mirror.ts';

export const TENANT = '11111111-2222-3333-4444-555555555555';
export const DOMAINS = ['contoso.example'];
export const NOON = Date.UTC(2026, 0, 10, 12);
export const DAY = 86_400_000;

/** A directory that goes away with its scope. */
export function scratchDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'rcptgate-mirror-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface ScratchMirror extends Disposable {
  readonly mirror: Mirror;
  readonly path: string;
  round(round: Partial<ScratchRound>): RoundEffect;
  /** Addresses that the published directory knows, of those asked. */
  known(...addresses: string[]): string[];
}

export interface ScratchRound {
  readonly users: readonly RecipientPatch[];
  readonly groups: readonly RecipientPatch[];
  readonly contacts: readonly RecipientPatch[];
  readonly read: 'full' | 'delta';
  readonly domains: readonly string[];
  readonly complete: boolean;
  readonly at: number;
}

/** A new mirror; `round` stages and commits what it is given, by default a complete delta round at noon. */
export function scratchMirror(guard = DEFAULT_GUARD): ScratchMirror {
  const directory = scratchDirectory();
  const path = join(directory.path, 'mirror.sqlite');
  const mirror = openMirror(path, guard);
  return {
    mirror,
    path,
    round: (round) => commit(mirror, round),
    known: (...addresses) => knownOf(mirror, addresses),
    [Symbol.dispose]() {
      mirror[Symbol.dispose]();
      directory[Symbol.dispose]();
    },
  };
}

/** Stages and commits one round. */
export function commit(mirror: Mirror, round: Partial<ScratchRound>): RoundEffect {
  const { read = 'delta', domains = DOMAINS, complete = true, at = NOON } = round;
  const names = (['users', 'groups', 'contacts'] as const).filter((name) => round[name] !== undefined);
  const streams = (names.length === 0 ? (['users'] as StreamName[]) : names).map((stream) => {
    mirror.stage(TENANT, stream, round[stream as 'users'] ?? []);
    return { stream, read, cursor: `https://graph/${stream}?${at}`, selectHash: 'h' };
  });
  return mirror.commitRound(TENANT, { startedAt: at, domains, streams, complete }, at);
}

/** The addresses among those asked that the directory of the mirror knows. */
export function knownOf(mirror: Mirror, addresses: readonly string[]): string[] {
  const known = addressSetFrom(mirror.readDirectory(TENANT, NOON, DAY).known);
  return addresses.filter((address) => known.has(address));
}

/** An entry with proxy addresses (`a@contoso.example` becomes `SMTP:`, later ones `smtp:`). */
export function entry(id: string, ...addresses: string[]): RecipientPatch {
  const proxyAddresses = addresses.map((address, index) => `${index === 0 ? 'SMTP' : 'smtp'}:${address}`);
  return { id, facts: { displayName: id, proxyAddresses } };
}

/** An entry with just these facts. */
export function sparse(id: string, facts: RecipientFacts = {}): RecipientPatch {
  return { id, facts };
}

export function removed(id: string, reason: 'changed' | 'deleted' = 'changed'): RecipientPatch {
  return { id, removed: reason, facts: {} };
}
