/**
 * State tokens: what `$skiptoken` and `$deltatoken` hold. The content is authenticated (HMAC-SHA256, RFC 2104), so a
 * token that somebody changed is recognised, and opaque to a client.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { StreamName } from '../core/recipient.ts';
import { GraphProblem } from './graph-error.ts';

/** Where a reader of a stream stands. */
export interface Cursor {
  /** `list` and `round` are inside a list or delta round, `link` is the end of a delta round. */
  readonly kind: 'list' | 'round' | 'link';
  readonly stream: StreamName;
  /** Which population the numbers are about. */
  readonly epoch: string;
  /** How often tokens had been expired by hand when this one was issued. */
  readonly generation: number;
  /** ms since 1970. */
  readonly issuedAt: number;
  readonly select: readonly string[] | null;
  readonly filter: string | null;
  readonly top: number | null;
  /** Changes after this number are in the round; null for a first round, which has every object. */
  readonly since: number | null;
  /** Changes up to this number are in the round. */
  readonly upTo: number;
  /** `since` of the round before, for replays. */
  readonly previous: number | null;
  readonly position: number;
  /** Number of the page that the token asks for, from 1. */
  readonly page: number;
}

const MAC_BYTES = 16;

/** The token of a cursor. */
export function sealCursor(cursor: Cursor, macKey: Buffer): string {
  const content = Buffer.from(JSON.stringify(cursor));
  return Buffer.concat([macOf(content, macKey), content]).toString('base64url');
}

/** The cursor of a token; a token this tenant never issued is badly formed. */
export function openCursor(token: string, macKey: Buffer): Cursor {
  const bytes = Buffer.from(token, 'base64url');
  const content = bytes.subarray(MAC_BYTES);
  // A changed last character can decode to the same bytes, so the spelling is compared too.
  const spelt = bytes.toString('base64url') === token && bytes.length > MAC_BYTES;
  if (!spelt || !timingSafeEqual(bytes.subarray(0, MAC_BYTES), macOf(content, macKey))) {
    throw new GraphProblem(400, 'BadRequest', 'Badly formed token.');
  }
  return JSON.parse(content.toString());
}

function macOf(content: Buffer, macKey: Buffer): Buffer {
  return createHmac('sha256', macKey).update(content).digest().subarray(0, MAC_BYTES);
}
