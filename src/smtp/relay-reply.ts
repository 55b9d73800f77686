/**
 * Which answers of a next hop are passed on to the client, and which only concern our own session with it.
 *
 * What the next hop says about the recipient, the sender or the message is passed on with its own codes. What it
 * says about us (syntax, sequence, authentication, our address) is our trouble, and our trouble is a 451: a real
 * recipient must not bounce because of it.
 */
import type { HopReply, Stage } from './next-hop.ts';
import { hopFailureReply, printable, type Reply } from './reply.ts';

const ENHANCED = /^([245])\.(\d{1,3})\.(\d{1,3})(?: +|$)/;

/**
 * Exchange Online answers about the connecting host: relay access denied by tenant attribution (5.7.64), address
 * over its limits (5.7.508), banned (5.7.606 to 5.7.649) or not accepted (5.7.708).
 */
const OUR_STANDING = /^5\.7\.(?:64|508|6(?:0[6-9]|[1-4]\d)|708)$/;

/** RFC 3463 codes for an answer that came without one. */
const DEFAULT_ENHANCED: Partial<Record<Stage, string>> = { mail: '2.1.0', rcpt: '2.1.5', message: '2.0.0' };

/** What the client is told when the next hop answered `reply` at `stage`. */
export function relayReply(stage: Stage, reply: HopReply): Reply {
  const enhanced = enhancedOf(reply);
  if (!belongsToClient(stage, reply.code, enhanced)) return hopFailureReply(failureOf(stage, reply.code));
  const texts = reply.lines.map((line) => printable(line.replace(ENHANCED, '')));
  return {
    code: reply.code === 354 ? 354 : reply.code < 300 ? 250 : reply.code,
    enhanced: reply.code === 354 ? null : (enhanced ?? defaultEnhanced(stage, reply.code)),
    lines: texts,
  };
}

/** Whether the next hop said yes: 354 to DATA, 2xx to anything else. */
export function isPositive(stage: Stage, reply: HopReply): boolean {
  return stage === 'data' ? reply.code === 354 : reply.code >= 200 && reply.code < 300;
}

function belongsToClient(stage: Stage, code: number, enhanced: string | null): boolean {
  if (!['mail', 'rcpt', 'data', 'message'].includes(stage)) return false;
  if (stage === 'data' ? code === 354 : code >= 200 && code < 300) return true;
  if (code < 400 || code === 421) return false;
  if (code < 500) return true;
  // A 501 that names the address (x.1.x) is about the address; any other is about the syntax of our command.
  if (code === 501) return enhanced?.startsWith('5.1.') ?? false;
  if (code < 510 || code === 521 || code === 555 || (code >= 530 && code < 540)) return false;
  return enhanced === null || !OUR_STANDING.test(enhanced);
}

function failureOf(stage: Stage, code: number): 'closed' | 'garbage' | 'session' | 'unreachable' {
  if (stage === 'connect' || stage === 'greeting' || stage === 'ehlo') return 'unreachable';
  if (code === 421) return 'closed';
  return code < 400 ? 'garbage' : 'session';
}

/** The enhanced code of a reply when it has one of the right class. */
function enhancedOf(reply: HopReply): string | null {
  const match = ENHANCED.exec(reply.lines[0] ?? '');
  if (!match || Number(match[1]) !== Math.floor(reply.code / 100)) return null;
  return `${match[1]}.${match[2]}.${match[3]}`;
}

function defaultEnhanced(stage: Stage, code: number): string {
  return code < 300 ? (DEFAULT_ENHANCED[stage] ?? '2.0.0') : `${Math.floor(code / 100)}.0.0`;
}
