/**
 * Mailbox addresses as SMTP writes them: RFC 5321 sections 4.1.2 (syntax), 4.5.3.1 (lengths) and appendix C
 * (source routes), with the UTF-8 extensions of RFC 6531 section 3.3.
 *
 * Limits: local part 64 octets, domain 255 octets, path 256 octets with its angle brackets.
 * Case is folded for ASCII letters only: U+212A KELVIN SIGN lower-cases to "k" in Unicode, and a fold that maps
 * it there would accept an address that nobody owns.
 */
import { domainToASCII } from 'node:url';

/** One well-formed mailbox. */
export interface Mailbox {
  /** As received, without angle brackets and source route; this is what goes to the next hop. */
  readonly text: string;
  /** Local part without quoting, case kept. */
  readonly local: string;
  /** Lower-case A-label domain, an address literal in brackets, or '' for a bare `postmaster`. */
  readonly domain: string;
  /** What the directory is asked for: ASCII-folded local part, `@`, domain. */
  readonly key: string;
}

/** Why an address is not a mailbox. */
export type AddressProblem = 'syntax' | 'too-long' | 'control-character' | 'bad-domain';

export type ParsedMailbox =
  | { readonly ok: true; readonly mailbox: Mailbox }
  | { readonly ok: false; readonly problem: AddressProblem };

const MAX_LOCAL = 64;
const MAX_DOMAIN = 255;
const MAX_PATH = 254;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range
const ASCII = /^[\u0000-\u007f]*$/;
const ATOM = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\u{10FFFF}]+$/u;
const QUOTED = /^"(?:[^"\\]|\\.)*"$/su;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/;
// C0, C1, DEL, zero-width and bidirectional controls, line separators, and the decoder's replacement character.
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd]/u;

/** Folds ASCII letters to lower case and leaves every other character alone. */
export function foldAscii(text: string): string {
  // Nearly every address is ASCII, where the two are the same and the first is several times as fast.
  return ASCII.test(text) ? text.toLowerCase() : text.replace(/[A-Z]+/g, (run) => run.toLowerCase());
}

/**
 * Lower-case A-label form of a domain, as UTS 46 maps it; null when it has none.
 * An A-label is compared as it is and never decoded: decoding could turn it into another domain.
 */
export function normaliseDomain(domain: string): string | null {
  const known = normalised.get(domain);
  if (known !== undefined) return known;
  const worked = aLabelForm(domain);
  if (normalised.size >= REMEMBERED) normalised.clear();
  normalised.set(domain, worked);
  return worked;
}

/** A gateway hears the same few domains all day. */
const normalised = new Map<string, string | null>();
const REMEMBERED = 256;

function aLabelForm(domain: string): string | null {
  const ascii = ASCII.test(domain) ? domain.toLowerCase() : domainToASCII(domain);
  if (ascii === '' || ascii.length > MAX_DOMAIN) return null;
  const labels = ascii.split('.');
  return labels.every((label) => label.length <= 63 && LABEL.test(label)) ? ascii : null;
}

/**
 * Reads one mailbox without angle brackets. A source route (`@a,@b:user@c`) is dropped (RFC 5321 appendix C),
 * and `postmaster` needs no domain (section 4.1.1.3). Never throws.
 */
export function parseMailbox(input: string): ParsedMailbox {
  const plain = PLAIN.exec(input);
  const mailbox = plain && plainMailbox(input, plain[1] ?? '', plain[2] ?? '');
  // Nearly every address is as plain as this; whatever is not goes the long way, and so does whatever is wrong.
  return mailbox ? { ok: true, mailbox } : parseAnyMailbox(input);
}

/** The mailbox of an ASCII dot-string and a domain name of ASCII letters; null when it is too long or the domain is none. */
export function plainMailbox(text: string, local: string, domain: string): Mailbox | null {
  if (text.length > MAX_PATH || local.length > MAX_LOCAL) return null;
  const normal = normaliseDomain(domain);
  return normal === null ? null : { text, local, domain: normal, key: `${local.toLowerCase()}@${normal}` };
}

/** An ASCII dot-string and a domain name of ASCII letters (RFC 5321 section 4.1.2). */
const PLAIN = /^([A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*)@([A-Za-z0-9.-]+)$/;

function parseAnyMailbox(input: string): ParsedMailbox {
  const text = input.startsWith('@') ? input.replace(/^@[^:]*:/, '') : input;
  if (CONTROL.test(text)) return { ok: false, problem: 'control-character' };
  if (text.length === 10 && foldAscii(text) === 'postmaster') {
    return { ok: true, mailbox: { text, local: text, domain: '', key: 'postmaster' } };
  }
  const at = text.lastIndexOf('@');
  if (at < 1) return { ok: false, problem: 'syntax' };
  const local = unquoteLocalPart(text.slice(0, at));
  if (local === null) return { ok: false, problem: 'syntax' };
  const rawDomain = text.slice(at + 1);
  const domain = addressLiteral(rawDomain) ?? normaliseDomain(rawDomain);
  if (tooLong(text.slice(0, at), rawDomain, text)) return { ok: false, problem: 'too-long' };
  if (domain === null) return { ok: false, problem: 'bad-domain' };
  return { ok: true, mailbox: { text, local, domain, key: `${foldAscii(local)}@${domain}` } };
}

/**
 * Directory form of an address that a tenant holds: folded local part and A-label domain. It is looser than
 * {@link parseMailbox}, because an address that exists is an address, however it is spelt; null only when it
 * has no usable domain or holds a control character.
 */
export function normaliseAddress(text: string): string | null {
  const trimmed = text.trim();
  const at = trimmed.lastIndexOf('@');
  if (at < 1 || CONTROL.test(trimmed)) return null;
  const domain = normaliseDomain(trimmed.slice(at + 1));
  if (domain === null) return null;
  const local = trimmed.slice(0, at);
  return `${foldAscii(unquoteLocalPart(local) ?? local)}@${domain}`;
}

/** Domain part of a normalised address: what follows its last `@`. */
export function domainOf(key: string): string {
  return key.slice(key.lastIndexOf('@') + 1);
}

/** The mailbox without its sub-address (`user+tag` becomes `user`); null when it has none. */
export function withoutSubaddress(mailbox: Mailbox): string | null {
  const plus = mailbox.local.indexOf('+');
  return plus > 0 ? `${foldAscii(mailbox.local.slice(0, plus))}@${mailbox.domain}` : null;
}

/** Whether the address needs SMTPUTF8 (RFC 6531): it holds a character outside ASCII. */
export function needsSmtpUtf8(text: string): boolean {
  return /[^\u0020-\u007e]/.test(text);
}

function unquoteLocalPart(local: string): string | null {
  if (local.startsWith('"')) {
    return QUOTED.test(local) ? local.slice(1, -1).replace(/\\(.)/gsu, '$1') || null : null;
  }
  return local.split('.').every((atom) => ATOM.test(atom)) ? local : null;
}

function addressLiteral(domain: string): string | null {
  return /^\[[A-Za-z0-9:.-]+\]$/.test(domain) ? domain.toLowerCase() : null;
}

function tooLong(local: string, domain: string, path: string): boolean {
  return (
    Buffer.byteLength(local) > MAX_LOCAL ||
    Buffer.byteLength(domain) > MAX_DOMAIN ||
    Buffer.byteLength(path) > MAX_PATH
  );
}
