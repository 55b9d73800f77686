/**
 * The master key: 32 random bytes in a file that only the service can read, either handed over by systemd
 * (`LoadCredential=` or `LoadCredentialEncrypted=`) or made in the state directory at its first use.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KEY_BYTES } from './box.ts';

export interface MasterKeyFile {
  readonly path: string;
  /** It is ours to make; otherwise somebody else provides it. */
  readonly own: boolean;
}

/** Name of the systemd credential. */
const CREDENTIAL = 'rcptgate.master-key';

/** `missing`: no such file; `unusable`: it cannot be read or is not a key, in words. */
export type MasterKey =
  | { readonly ok: true; readonly key: Buffer }
  | { readonly ok: false; readonly problem: 'missing' | 'unusable'; readonly message: string };

/** Where the master key is: among systemd's credentials if it is there, else in the state directory. */
export function masterKeyFile(
  stateDir: string,
  credentials: string | undefined,
  exists: (path: string) => boolean,
): MasterKeyFile {
  const provided = credentials === undefined || credentials === '' ? null : `${credentials}/${CREDENTIAL}`;
  if (provided !== null && exists(provided)) return { path: provided, own: false };
  return { path: `${stateDir}/master.key`, own: true };
}

/** Reads the key. Never throws. */
export function readMasterKey({ path }: MasterKeyFile): MasterKey {
  try {
    const key = readFileSync(path);
    if (key.length === KEY_BYTES) return { ok: true, key };
    const message = `the master key ${path} has ${key.length} bytes, not ${KEY_BYTES}`;
    return { ok: false, problem: 'unusable', message };
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const reason = error instanceof Error ? error.message : String(error);
    const message = missing
      ? `the master key ${path} is missing`
      : `the master key cannot be read: ${reason}`;
    return { ok: false, problem: missing ? 'missing' : 'unusable', message };
  }
}

/** Reads the key for sealing; makes it where it is ours and missing. Never throws. */
export function needMasterKey(file: MasterKeyFile): MasterKey {
  const found = readMasterKey(file);
  if (found.ok || found.problem !== 'missing' || !file.own) return found;
  try {
    return { ok: true, key: makeKey(file.path) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: 'unusable', message: `the master key cannot be made: ${reason}` };
  }
}

/** The file appears whole or not at all, and is on the disk before anything is sealed with it. */
function makeKey(path: string): Buffer {
  const key = randomBytes(KEY_BYTES);
  const unfinished = `${path}.new`;
  rmSync(unfinished, { force: true });
  const file = openSync(unfinished, 'wx', 0o600);
  try {
    writeFileSync(file, key);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(unfinished, path);
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
  return key;
}
