/**
 * Sealing of small secrets: AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits. What a record is for (tenant, kind
 * and key) is authenticated with it, so that a record moved elsewhere does not open. Pure; randomness is a parameter.
 *
 * With random nonces one key is good for 2^32 records (SP 800-38D section 8.3); a new record is made when a credential
 * changes, so the limit is out of reach.
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';

export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';

/** What a record belongs to. */
export interface SealLabel {
  readonly tenant: string;
  /** What is sealed: `secret`, `certificate`, `assertion`. */
  readonly kind: string;
}

export interface SealedRecord {
  readonly kind: string;
  /** Names the master key without telling anything of it. */
  readonly keyId: string;
  readonly nonce: Buffer;
  /** Ciphertext and tag. */
  readonly sealed: Buffer;
}

/** `wrong-key`: sealed with another master key; `damaged`: some byte is not what it was, or it belongs elsewhere. */
export type Opened =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: 'wrong-key' | 'damaged' };

/** A short name of a master key (16 hex digits), from a hash that is used for nothing else. */
export function keyIdOf(key: Buffer): string {
  return createHash('sha256').update('rcptgate master key id\0').update(key).digest('hex').slice(0, 16);
}

/** Seals a text. `key` has {@link KEY_BYTES} bytes, `nonce` {@link NONCE_BYTES} that were never used with it. */
export function seal(text: string, label: SealLabel, key: Buffer, nonce: Buffer): SealedRecord {
  const keyId = keyIdOf(key);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(label, keyId));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return { kind: label.kind, keyId, nonce, sealed };
}

/** Opens a record of a tenant. Never throws, whatever the record holds. */
export function unseal(record: SealedRecord, tenant: string, key: Buffer): Opened {
  if (record.keyId !== keyIdOf(key)) return { ok: false, problem: 'wrong-key' };
  const { kind, keyId, nonce, sealed } = record;
  if (nonce.length !== NONCE_BYTES || sealed.length < TAG_BYTES) return { ok: false, problem: 'damaged' };
  try {
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(associatedData({ tenant, kind }, keyId));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const opened = Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
    return { ok: true, text: opened.toString('utf8') };
  } catch {
    return { ok: false, problem: 'damaged' };
  }
}

/** Each part is preceded by its length, so that no two labels give the same bytes. */
function associatedData({ tenant, kind }: SealLabel, keyId: string): Buffer {
  const parts = ['rcptgate credential 1', tenant, kind, keyId].map((part) => Buffer.from(part, 'utf8'));
  return Buffer.concat(parts.flatMap((part) => [Buffer.from(`${part.length}:`), part]));
}
