/**
 * Postfix access policy delegation (SMTPD_POLICY_README): a request is lines of `name=value` and an empty line; the
 * reply is `action=…` and an empty line. Many requests follow each other on one connection.
 *
 * Limits: a request of 65,536 bytes, of which only the attributes below are kept. Asked about at RCPT only; every other
 * stage, and every domain that is not ours, is `DUNNO`, because a verdict on it is somebody else's business: the same
 * Postfix may send outgoing mail through this restriction. Text of ours has no address, Postfix puts it in front.
 *
 * `REJECT` becomes the reply code of `access_map_reject_code` (554 unless set), with our enhanced code; `DEFER_IF_PERMIT`
 * becomes 450 with ours, unless a later restriction refuses the recipient for good.
 */
import type { Answer, Dialect, Question } from './answer.ts';

const LONGEST_REQUEST = 65_536;
const NEWLINE = 0x0a;

/** The attributes that matter here. */
const KEPT = [
  'request',
  'protocol_state',
  'recipient',
  'sender',
  'client_address',
  'helo_name',
  'instance',
  'encryption_protocol',
] as const;

/** Attributes by name; the first of a repeated one counts. */
export type PolicyRequest = ReadonlyMap<string, string>;

/** The dialect of one connection. */
export function policyDelegation(): Dialect<PolicyRequest> {
  const reader = policyReader();
  return {
    read: (bytes) => reader.push(bytes),
    question: policyQuestion,
    reply: (answer) => Buffer.from(`action=${policyAction(answer)}\n\n`),
  };
}

/** Reads requests from pieces of any size. */
export function policyReader(limit: number = LONGEST_REQUEST) {
  let pending: Uint8Array = new Uint8Array(0);
  let attributes = new Map<string, string>();
  let size = 0;
  let problem: string | null = null;

  /** Takes one line; the finished request when the line was the empty one. */
  const line = (bytes: Uint8Array): PolicyRequest | null => {
    size += bytes.length + 1;
    if (bytes.length === 0) {
      const request = attributes;
      attributes = new Map();
      size = 0;
      // An empty line before any attribute asks nothing.
      return request.size === 0 ? null : request;
    }
    const text = Buffer.from(bytes).toString('utf8');
    const equals = text.indexOf('=');
    if (equals < 1) problem = 'a line is not name=value';
    const name = text.slice(0, equals);
    if (isKept(name) && !attributes.has(name)) attributes.set(name, text.slice(equals + 1));
    // What is not kept still makes a request of it.
    else if (attributes.size === 0) attributes.set('', '');
    return null;
  };
  return {
    push(bytes: Uint8Array): { requests: PolicyRequest[]; problem: string | null } {
      const requests: PolicyRequest[] = [];
      const input = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
      let at = 0;
      for (
        let end = input.indexOf(NEWLINE, at);
        problem === null && end >= 0;
        end = input.indexOf(NEWLINE, at)
      ) {
        const request = line(input.subarray(at, end));
        if (request) requests.push(request);
        at = end + 1;
        if (size > limit) problem = `a request is longer than ${limit} bytes`;
      }
      pending = problem === null ? Uint8Array.from(input.subarray(at)) : new Uint8Array(0);
      if (size + pending.length > limit) problem = `a request is longer than ${limit} bytes`;
      return { requests, problem };
    },
  };
}

function isKept(name: string): boolean {
  return (KEPT as readonly string[]).includes(name);
}

/** The recipient asked about; null at any stage but RCPT. */
export function policyQuestion(request: PolicyRequest): Question | null {
  const recipient = request.get('recipient') ?? '';
  if (request.get('request') !== 'smtpd_access_policy') return null;
  if (request.get('protocol_state') !== 'RCPT' || recipient === '') return null;
  const text = (name: string): string | null => request.get(name) || null;
  return {
    recipient,
    client: text('client_address'),
    helo: text('helo_name'),
    mailFrom: request.get('sender') ?? '',
    session: text('instance') ?? '',
    tls: text('encryption_protocol'),
  };
}

/** The action of an answer; `DUNNO` without one. */
export function policyAction(answer: Answer | null): string {
  if (answer === null) return 'DUNNO';
  const { verdict, wording } = answer;
  if (verdict.action === 'accept' || verdict.reason === 'not-our-domain') return 'DUNNO';
  const action = verdict.action === 'reject' ? 'REJECT' : 'DEFER_IF_PERMIT';
  return `${action} ${wording.enhanced} ${wording.text}`;
}
