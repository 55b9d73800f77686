/** What a practice tenant keeps between two starts: its CA, its keys, and the changes made to its directory. */
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Identity } from './certificate.ts';
import { createAuthority, createClientCertificate, isCurrent } from './certificate.ts';
import type { ChangeDraft } from './changes.ts';

export interface Keepsake {
  readonly authority: Identity;
  /** Signs access tokens. */
  readonly signing: Identity;
  /** Authenticates state tokens. */
  readonly macKey: Buffer;
  /** Changes of the same population, oldest first. */
  readonly changes: readonly ChangeDraft[];
  remember(change: ChangeDraft): void;
  /** The port of the last start: a client keeps links that name it. */
  readonly port: number | undefined;
  rememberPort(port: number): void;
}

interface StoredKeys {
  readonly authority: Identity;
  readonly signing: Identity;
  readonly macKey: string;
}

/** Opens what `stateDir` holds, or makes it; without a directory nothing outlives the process. */
export function openKeepsake(stateDir: string | undefined, population: string): Keepsake {
  if (stateDir === undefined)
    return { ...opened(newKeys()), changes: [], remember() {}, port: undefined, rememberPort() {} };
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const portFile = path.join(stateDir, 'practice-port');
  const journal = path.join(stateDir, `practice-changes-${population}.ndjson`);
  return {
    ...opened(storedKeys(path.join(stateDir, 'practice-keys.json'))),
    changes: existsSync(journal) ? readJournal(readFileSync(journal, 'utf8')) : [],
    remember: (change) => appendFileSync(journal, `${JSON.stringify(change)}\n`, { mode: 0o600 }),
    port: existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) || undefined : undefined,
    rememberPort: (port) => writeFileSync(portFile, `${port}\n`),
  };
}

function storedKeys(file: string): StoredKeys {
  if (existsSync(file)) {
    const keys: StoredKeys = JSON.parse(readFileSync(file, 'utf8'));
    if (isCurrent(keys.authority, Date.now())) return keys;
  }
  const keys = newKeys();
  writeFileSync(file, JSON.stringify(keys), { mode: 0o600 });
  return keys;
}

/** The signing key is made once a process, because finding an RSA key takes longer than all the rest of a start. */
let processSigning: Identity | undefined;

function newKeys(): StoredKeys {
  processSigning ??= createClientCertificate('accounts.accesscontrol.example');
  return {
    authority: createAuthority(),
    signing: processSigning,
    macKey: randomBytes(32).toString('base64'),
  };
}

function opened(keys: StoredKeys): Pick<Keepsake, 'authority' | 'signing' | 'macKey'> {
  return { ...keys, macKey: Buffer.from(keys.macKey, 'base64') };
}

/** A line cut off by a kill is the last one, and is left out. */
function readJournal(text: string): ChangeDraft[] {
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter((line) => line !== '')
    .map((line): ChangeDraft => JSON.parse(line));
}
