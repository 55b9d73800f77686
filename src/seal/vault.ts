/** Secrets kept sealed: joins the master key and a place for records, and says in words why one does not open. */
import { randomBytes } from 'node:crypto';
import { NONCE_BYTES, type SealedRecord, type SealLabel, seal, unseal } from './box.ts';
import { keyNamed, type MasterKeyFile, needMasterKey, readMasterKey } from './master-key.ts';

export interface VaultProblem {
  /** `master-key`, `sealed-damaged` or `sealed-store`. */
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export type VaultAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: VaultProblem };

/** Neither function throws. */
export interface Vault {
  /** The text kept for a tenant; null when there is none. */
  load(tenant: string): VaultAnswer<string | null>;
  save(label: SealLabel, text: string): VaultAnswer<null>;
}

/** Where records lie; the functions may throw. */
export interface RecordStore {
  read(tenant: string): SealedRecord | null;
  write(tenant: string, record: SealedRecord): void;
}

/** Opens the vault; nothing is read or made yet. */
export function openVault(file: MasterKeyFile, store: RecordStore): Vault {
  return {
    load: (tenant) => guarded(() => load(file, store, tenant)),
    save: (label, text) => guarded(() => save(file, store, label, text)),
  };
}

function load(file: MasterKeyFile, store: RecordStore, tenant: string): VaultAnswer<string | null> {
  const record = store.read(tenant);
  if (record === null) return { ok: true, value: null };
  const key = keyNamed(record.keyId, file);
  if (key === null) {
    const current = readMasterKey(file);
    return lost(current.ok ? `it was sealed with another master key than ${file.path}` : current.message);
  }
  const opened = unseal(record, tenant, key);
  if (opened.ok) return { ok: true, value: opened.text };
  const message = 'the credential kept in the mirror is damaged';
  return { ok: false, problem: { code: 'sealed-damaged', message, hint: ANEW } };
}

function save(file: MasterKeyFile, store: RecordStore, label: SealLabel, text: string): VaultAnswer<null> {
  const key = needMasterKey(file);
  if (!key.ok) {
    const hint = file.own
      ? 'Remove the file, so that a new key is made; check that the service user may write to state_dir.'
      : 'Provide 32 random bytes: openssl rand 32';
    return { ok: false, problem: { code: 'master-key', message: `${key.message}; ${UNKEPT}`, hint } };
  }
  store.write(label.tenant, seal(text, label, key.key, randomBytes(NONCE_BYTES)));
  return { ok: true, value: null };
}

const ANEW = 'The credential file is used; it is sealed anew once it has worked.';
const UNKEPT = 'the credential is used, but not kept for a restart';

function lost(why: string): VaultAnswer<never> {
  const message = `the credential kept in the mirror cannot be opened: ${why}`;
  return { ok: false, problem: { code: 'master-key', message, hint: ANEW } };
}

function guarded<T>(work: () => VaultAnswer<T>): VaultAnswer<T> {
  try {
    return work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const hint = 'Check free space and permissions in state_dir.';
    return {
      ok: false,
      problem: { code: 'sealed-store', message: `the sealed credential: ${reason}`, hint },
    };
  }
}
