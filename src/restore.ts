/** `rcptgate restore`: a copy of the mirror takes its place, in the state directory of a daemon that does not run. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lchownSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import type { Config } from './config/config.ts';
import { controlSocketAnswers } from './console/control.ts';
import { type BackupContent, inspectBackup } from './mirror/backup.ts';

/** What was restored, and where the mirror before it is; null when there was none. */
export interface Restored {
  readonly content: BackupContent;
  readonly before: string | null;
}

/**
 * Puts `file` into the place of the mirror.
 * @throws Error when the daemon runs, the file is no copy of a mirror, or the file system refuses; then nothing changed.
 */
export async function restoreMirror(file: string, config: Config): Promise<Restored> {
  if (await controlSocketAnswers(config.controlSocket)) {
    throw new Error(
      `the daemon is running (it answers on ${config.controlSocket}); stop it first: systemctl stop rcptgate.service rcptgate.socket`,
    );
  }
  const content = inspected(file);
  mkdirSync(config.stateDir, { recursive: true, mode: 0o750 });
  const mirror = path.join(config.stateDir, 'mirror.sqlite');
  const aside = `${mirror}.restoring`;
  copyFileSync(file, aside);
  chmodSync(aside, 0o640);
  // Root restores what the service user must be able to write.
  const { uid, gid } = statSync(config.stateDir);
  if (process.getuid?.() === 0) lchownSync(aside, uid, gid);
  const before = existsSync(mirror) ? `${mirror}.before-restore` : null;
  for (const suffix of ['', '-wal', '-shm']) {
    if (before === null) continue;
    rmSync(before + suffix, { force: true });
    if (existsSync(mirror + suffix)) renameSync(mirror + suffix, before + suffix);
  }
  renameSync(aside, mirror);
  return { content, before };
}

function inspected(file: string): BackupContent {
  try {
    return inspectBackup(file);
  } catch (error) {
    throw new Error(`${file} cannot be restored: ${error instanceof Error ? error.message : String(error)}`);
  }
}
