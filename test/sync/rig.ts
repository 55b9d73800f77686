/** A practice tenant, a mirror and the real graph side, joined as the learning thread joins them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressSetFrom } from '../../src/core/address-set.ts';
import { DEFAULT_GUARD, type GuardLimits } from '../../src/core/reconcile.ts';
import { openGraph } from '../../src/graph/client.ts';
import { readSecretFile } from '../../src/graph/credential-file.ts';
import { openHttp } from '../../src/graph/http.ts';
import { selectHash } from '../../src/graph/objects.ts';
import { openTokens } from '../../src/graph/tokens.ts';
import { type Mirror, openMirror } from '../../src/mirror/mirror.ts';
import {
  type PracticeOptions,
  type PracticeTenant,
  startPracticeTenant,
} from '../../src/practice/tenant-server.ts';
import type { RoundReport } from '../../src/sync/report.ts';
import { type RoundDeps, runRound } from '../../src/sync/round.ts';

export const DAY = 86_400_000;

export interface Rig extends AsyncDisposable {
  readonly tenant: PracticeTenant;
  readonly mirror: Mirror;
  readonly directory: string;
  readonly caFile: string;
  readonly secretFile: string;
  readonly deps: RoundDeps;
  /** Aborting it is what stopping does. */
  readonly stop: AbortController;
  /** Added to the clock of rounds, ms. */
  shift: number;
  /** A round, with other parts or as a dry run. */
  round(deps?: RoundDeps, dryRun?: boolean): Promise<RoundReport>;
  /** The next round signs in again, as after the end of a token. */
  forgetTokens(): void;
  /** Every address of the tenant's true state that we may see is known, and nothing else. */
  matchesTruth(): boolean;
  knows(address: string): boolean;
}

export interface RigOptions extends PracticeOptions {
  readonly requestTimeout?: number;
  readonly guard?: Partial<GuardLimits>;
}

/** The id of the first object that owns an address. */
export function idOf(rig: Rig, address: string): string {
  const [owner] = rig.tenant.directory.find(address);
  if (!owner) throw new Error(`nobody owns ${address}`);
  return owner.id;
}

/** Starts everything; no round has run. Requests are tried once again after 5 ms. */
export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const tenant = await startPracticeTenant(options);
  const directory = mkdtempSync(join(tmpdir(), 'rcptgate-sync-'));
  const caFile = join(directory, 'ca.pem');
  const secretFile = join(directory, 'secret');
  writeFileSync(caFile, tenant.caPem);
  writeFileSync(secretFile, `${tenant.secret}\n`);
  const mirror = openMirror(join(directory, 'mirror.sqlite'), { ...DEFAULT_GUARD, ...options.guard });
  const http = openHttp({ caFile, proxy: null, timeout: options.requestTimeout ?? 5000 });
  const { tenantId: id, applicationId, login, graph: base } = tenant;
  const readCredential = () => readSecretFile(secretFile);
  const tokens = openTokens({ tenant: id, applicationId, login, graph: base, readCredential }, http);
  const graph = openGraph({ tenant: id, graph: base, retries: 1, retryDelay: 5 }, http, tokens);
  const stop = new AbortController();
  const rig: Rig = {
    tenant,
    mirror,
    directory,
    caFile,
    secretFile,
    stop,
    shift: 0,
    deps: {
      organization: graph.organization,
      pages: graph.pages,
      object: graph.object,
      restored: () => mirror.restored(id),
      preview: (round, now) => mirror.previewRound(id, round, now),
      unconfirmed: (before, now) => mirror.unconfirmed(id, before, now),
      settleHeld: (asked, gone, now) => mirror.settleHeld(id, asked, gone, now),
      selectHash,
      state: () => mirror.state(id),
      stage: (stream, patches) => mirror.stage(id, stream, patches),
      unstage: (stream) => mirror.unstage(id, stream),
      commit: (round, now) => mirror.commitRound(id, round, now),
      record: (record) => mirror.recordRound(id, record),
      now: () => Date.now() + rig.shift,
      fullEvery: DAY,
    },
    round: (deps = rig.deps, dryRun = false) => runRound(deps, id, stop.signal, dryRun),
    forgetTokens: tokens.forget,
    matchesTruth() {
      const known = addressSetFrom(mirror.readDirectory(id, Date.now(), DAY).known);
      const contacts = mirror.state(id).streams.some(({ stream }) => stream === 'contacts');
      const visible = (address: string) =>
        contacts || tenant.directory.find(address).some(({ stream }) => stream !== 'contacts');
      const truth = [...tenant.directory.recipientAddresses()].filter(visible);
      return known.size === truth.length && truth.every((address) => known.has(address));
    },
    knows: (address) => addressSetFrom(mirror.readDirectory(id, Date.now(), DAY).known).has(address),
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]();
      await tenant[Symbol.asyncDispose]();
      mirror[Symbol.dispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return rig;
}
