/**
 * Telling the answering side what the mirror says now. A directory that did not change is not told again, only that it
 * is as fresh as the last round: so a schedule of minutes costs a million users nothing as long as nothing happens.
 */
import { packDeparted } from '../core/departed.ts';
import type { StoredDirectory } from '../core/directory.ts';
import type { Tell } from './answering.ts';

/** What a publication needs of the mirror. */
export interface Published {
  generation(tenant: string): number;
  state(tenant: string): { readonly syncedAt: number | null };
  readDirectory(tenant: string, now: number, gracePeriod: number): StoredDirectory;
  saveImage(tenant: string): void;
}

/** Publishes the directory of a tenant. Throws what the mirror throws when it cannot be read. */
export type Publish = (mirror: Published, tenant: string) => void;

/** Publishes through `tell`. */
export function openPublication(tell: Tell): Publish {
  const told = new Map<string, number>();
  const saveImage = imageSaving(tell);
  return (mirror, tenant) => {
    const generation = mirror.generation(tenant);
    if (told.get(tenant) === generation) {
      tell({ kind: 'unchanged', tenant, syncedAt: mirror.state(tenant).syncedAt });
      return;
    }
    // Every stored departure goes along: which ones still count is decided by the time of the question, and a
    // clock that is set back after this must find what had seemed over.
    const { departed, ...stored } = mirror.readDirectory(tenant, 0, 0);
    tell({ kind: 'directory', snapshot: { ...stored, departed: packDeparted(departed) } });
    told.set(tenant, generation);
    saveImage(mirror, tenant);
  };
}

/** An image only spares time at the next start, so that it cannot be written is told once and harms nothing. */
function imageSaving(tell: Tell): Publish {
  let failed: string | null = null;
  return (mirror, tenant) => {
    try {
      mirror.saveImage(tenant);
      failed = null;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason === failed) return;
      failed = reason;
      const message = `the directory image cannot be written (the next start takes longer): ${reason}`;
      tell({ kind: 'trouble', trouble: { message, tenant } });
    }
  };
}
