/** What the control socket answers about the gateway's upkeep: domains in force, copies of the mirror. */
import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { DomainState } from './commands/domain.ts';
import type { Config } from './config/config.ts';
import type { UpkeepFunctions } from './console/upkeep-routes.ts';
import type { Directory } from './core/directory.ts';
import { freshness } from './core/freshness.ts';
import type { Events } from './ops/events.ts';
import type { Learning } from './sync/thread.ts';

export interface UpkeepParts {
  readonly live: { readonly config: Config };
  readonly shared: { readonly directory: Directory };
  readonly learning: Learning;
  readonly events: Pick<Events, 'backupMade' | 'keyRotated'>;
}

/** The functions behind the routes. */
export function upkeepFunctions({ live, shared, learning, events }: UpkeepParts): UpkeepFunctions {
  return {
    domains(): readonly DomainState[] {
      const { policy } = live.config;
      return [...policy.domains.values()].map((domain) => {
        const syncedAt = shared.directory.get(domain.tenant)?.syncedAt ?? null;
        return { ...domain, freshness: freshness(syncedAt, Date.now(), policy.freshnessLimit) };
      });
    },
    async rotateKey(by) {
      const done = await learning.operator('rotateKey', null);
      events.keyRotated(by, done);
      return done;
    },
    async backup(secrets, by) {
      // A file of its own: the copy is made faster than a slow reader takes it, and nothing waits for that one.
      const file = path.join(live.config.stateDir, `backup-${randomBytes(6).toString('hex')}.tmp`);
      try {
        const { bytes: length } = await learning.operator('backup', { path: file, secrets });
        events.backupMade(by, length, secrets);
        const opened = await open(file);
        const bytes = Readable.toWeb(opened.createReadStream()) as ReadableStream<Uint8Array>;
        return { length, bytes };
      } finally {
        for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(file + suffix, { force: true });
      }
    },
  };
}
