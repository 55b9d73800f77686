/** Authorization codes (RFC 6749 section 4.1): each is good for one redemption and a short time. */
import { randomBytes } from 'node:crypto';
import { AadstsProblem } from '../aadsts.ts';
import type { PracticeAccount } from './accounts.ts';

/** What a person's sign-in gave the application. */
export interface CodeGrant {
  readonly account: PracticeAccount;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scope: string;
  readonly nonce: string | null;
  /** The S256 challenge of RFC 7636; null when the application sent none. */
  readonly challenge: string | null;
  /** ms since 1970. */
  readonly issuedAt: number;
}

export interface CodeStore {
  issue(grant: CodeGrant): string;
  /** The grant of a code that is still good at `now`, for codes that live `lifetime` seconds. @throws AadstsProblem */
  find(code: string, now: number, lifetime: number): CodeGrant;
  /** The code was redeemed: from now on it is refused with AADSTS54005. */
  spend(code: string): void;
}

/** No codes yet. */
export function codeStore(): CodeStore {
  const codes = new Map<string, { readonly grant: CodeGrant; spent: boolean }>();
  return {
    issue(grant) {
      const code = `1.${randomBytes(96).toString('base64url')}`;
      codes.set(code, { grant, spent: false });
      return code;
    },
    find(code, now, lifetime) {
      const entry = codes.get(code);
      if (entry === undefined) throw new AadstsProblem(9002313);
      if (entry.spent) throw new AadstsProblem(54005);
      if (now - entry.grant.issuedAt > lifetime * 1000) throw new AadstsProblem(70008);
      return entry.grant;
    },
    spend(code) {
      const entry = codes.get(code);
      if (entry !== undefined) entry.spent = true;
    },
  };
}
