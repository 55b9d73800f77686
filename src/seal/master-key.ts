/**
 * The master key: 32 random bytes in a file that only the service can read, either handed over by systemd
 * (`LoadCredential=` or `LoadCredentialEncrypted=`) or made in the state directory at its first use.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KEY_BYTES, keyIdOf } from './box.ts';

export interface MasterKeyFile {
  readonly path: string;
  /** It is ours to make; otherwise somebody else provides it. */
  readonly own: boolean;
  /** Where a key may lie that something is still sealed with: the one before, or the next one of a rotation that was cut short. */
  readonly others?: readonly string[];
}

/** Name of the systemd credential, and of the one with the key before it. */
const CREDENTIAL = 'rcptgate.master-key';
const PREVIOUS = `${CREDENTIAL}.previous`;

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
  const given = credentials === undefined || credentials === '' ? null : credentials;
  const made = `${stateDir}/master.key`;
  const previous = given === null ? [] : [`${given}/${PREVIOUS}`];
  const provided = `${given}/${CREDENTIAL}`;
  if (given !== null && exists(provided))
    return { path: provided, own: false, others: [...previous, made, nextKeyPath(made)] };
  return { path: made, own: true, others: [nextKeyPath(made), ...previous] };
}

/** Where a rotation keeps the new key until everything is sealed under it. */
export function nextKeyPath(path: string): string {
  return `${path}.next`;
}

/** The key with this name, in the file of the current one or in another; null when it is in none of them. */
export function keyNamed(keyId: string, { path, others = [] }: MasterKeyFile): Buffer | null {
  for (const each of [path, ...others]) {
    const found = readMasterKey({ path: each, own: false });
    if (found.ok && keyIdOf(found.key) === keyId) return found.key;
  }
  return null;
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
  renameDurably(unfinished, path);
  return key;
}

/** The new name is on the disk when this returns. @throws Error of the file system. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  const directory = openSync(dirname(to), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
