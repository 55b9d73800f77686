/**
 * Delivery status notifications: RFC 3461 section 4, the parameters RET and ENVID of MAIL, NOTIFY and ORCPT of RCPT. Pure.
 *
 * They are checked and passed on as they came (keywords in upper case), because a gateway without a queue sends no
 * notification of its own.
 * Limits: ENVID 100 characters, ORCPT 500 (sections 4.4 and 4.2).
 */
import { decodeXtext } from './xtext.ts';

/** What MAIL asked for; `envid` is xtext as it was sent. */
export interface SenderDsn {
  readonly ret: 'FULL' | 'HDRS' | null;
  readonly envid: string | null;
}

/** What RCPT asked for: `NEVER` or a list such as `SUCCESS,DELAY`; an address type, `;` and xtext as it was sent. */
export interface RecipientDsn {
  readonly notify: string | null;
  readonly orcpt: string | null;
}

export const NO_SENDER_DSN: SenderDsn = { ret: null, envid: null };
export const NO_RECIPIENT_DSN: RecipientDsn = { notify: null, orcpt: null };

const MAX_ENVID = 100;
const MAX_ORCPT = 500;
const EVENTS = ['SUCCESS', 'FAILURE', 'DELAY'];

/** Reads RET and ENVID out of the parameters of MAIL; null when one is not valid. */
export function senderDsn(parameters: ReadonlyMap<string, string>): SenderDsn | null {
  const ret = parameters.get('RET')?.toUpperCase();
  const envid = parameters.get('ENVID');
  if (ret !== undefined && ret !== 'FULL' && ret !== 'HDRS') return null;
  if (envid !== undefined && !isEnvelopeId(envid)) return null;
  return { ret: ret ?? null, envid: envid ?? null };
}

/** Reads NOTIFY and ORCPT out of the parameters of RCPT; null when one is not valid. */
export function recipientDsn(parameters: ReadonlyMap<string, string>): RecipientDsn | null {
  const notify = parameters.get('NOTIFY');
  const orcpt = parameters.get('ORCPT');
  if (notify === undefined && orcpt === undefined) return NO_RECIPIENT_DSN;
  const events = notify === undefined ? null : notifyList(notify);
  if (notify !== undefined && events === null) return null;
  if (orcpt !== undefined && !isOriginalRecipient(orcpt)) return null;
  return { notify: events, orcpt: orcpt ?? null };
}

/** The parameters of MAIL as they are passed on, each with a space before it; '' for none. */
export function senderDsnText({ ret, envid }: SenderDsn): string {
  return `${ret === null ? '' : ` RET=${ret}`}${envid === null ? '' : ` ENVID=${envid}`}`;
}

/** The parameters of RCPT as they are passed on, each with a space before it; '' for none. */
export function recipientDsnText({ notify, orcpt }: RecipientDsn): string {
  return `${notify === null ? '' : ` NOTIFY=${notify}`}${orcpt === null ? '' : ` ORCPT=${orcpt}`}`;
}

/** NEVER stands alone; the others come in any order, and one that is repeated says nothing new. */
function notifyList(value: string): string | null {
  const words = value.toUpperCase().split(',');
  if (words.length === 1 && words[0] === 'NEVER') return 'NEVER';
  return words.every((word) => EVENTS.includes(word)) ? [...new Set(words)].join(',') : null;
}

/** Section 4.4: after decoding, printable ASCII and nothing else. */
function isEnvelopeId(value: string): boolean {
  const decoded = value.length > MAX_ENVID || value === '' ? null : decodeXtext(value);
  return decoded !== null && /^[ -~]+$/.test(decoded);
}

/** Section 4.2: `atom;xtext`. */
function isOriginalRecipient(value: string): boolean {
  const match = /^[A-Za-z0-9!#$%&'*+\-/?^_`{|}~]+;(.+)$/.exec(value);
  return value.length <= MAX_ORCPT && match?.[1] !== undefined && decodeXtext(match[1]) !== null;
}
