/**
 * Trying a credential without using it: every trial has a sign-in of its own, so that no cached token and no memory of an
 * earlier failure speaks for it, and what is in use notices nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { mayReadRegistration, reviewRoles } from '../core/permissions.ts';
import { openGraph } from './client.ts';
import { type Credential, looksLikeSecretId } from './credential.ts';
import { done, failed, type GraphFailure, type Outcome } from './failure.ts';
import type { Http } from './http.ts';
import { readEnd } from './registration.ts';
import { openRequests } from './requests.ts';
import { openTokens, type Token } from './tokens.ts';

/** What is tried. */
export interface Candidate {
  readonly tenant: string;
  readonly applicationId: string;
  readonly login: string;
  readonly graph: string;
  readonly credential: Credential;
}

/** What a proof showed. */
export interface Proof {
  readonly roles: readonly string[];
  /** The organisation's name. */
  readonly organization: string;
  /** Verified domains. */
  readonly domains: readonly string[];
  /** End of the credential as the registration has it, ms since 1970; null when it may not be read, or does not tell. */
  readonly expires: number | null;
}

/** One fresh token: whether Entra ID knows the application and its credential. */
export async function authenticate(candidate: Candidate, http: Http): Promise<Outcome<Token>> {
  const { credential, ...application } = candidate;
  const token = await openTokens(
    { ...application, readCredential: async () => done(credential) },
    http,
  ).get();
  return token.ok ? token : refined(token.failure, credential);
}

/**
 * A fresh token with the permissions that are needed, for which Graph names the right tenant. What consent has just
 * granted can take a while to arrive, so failures that it would cure are tried again after each of `waits` (ms).
 */
export async function prove(
  candidate: Candidate,
  http: Http,
  waits: readonly number[],
  signal: AbortSignal,
): Promise<Outcome<Proof>> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await proveOnce(candidate, http, signal);
    const wait = waits[attempt];
    if (outcome.ok || wait === undefined || signal.aborted || !mayArrive(outcome.failure)) return outcome;
    await sleep(wait, undefined, { signal }).catch(() => {});
  }
}

async function proveOnce(candidate: Candidate, http: Http, signal: AbortSignal): Promise<Outcome<Proof>> {
  const { credential, tenant, graph, ...application } = candidate;
  const tokens = openTokens(
    { ...application, tenant, graph, readCredential: async () => done(credential) },
    http,
  );
  const token = await tokens.get();
  if (!token.ok) return refined(token.failure, credential);
  const { missing } = reviewRoles(token.value.roles);
  if (missing.length > 0) return failed('forbidden', 'roles-missing', `missing: ${missing.join(', ')}`);
  const settings = { tenant, graph, retries: 1 };
  const organization = await openGraph(settings, http, tokens).organization(signal);
  if (!organization.ok) return organization;
  const { roles, displayName, domains } = organization.value;
  const get = openRequests({ graph, retries: 0 }, http, tokens);
  const end = mayReadRegistration(roles) ? await readEnd(get, candidate, signal) : null;
  return done({ roles, organization: displayName, domains, expires: end });
}

/** A consent or a secret made a moment ago is not known everywhere yet. */
function mayArrive({ kind, code }: GraphFailure): boolean {
  return kind === 'forbidden' || kind === 'network' || kind === 'server' || ARRIVING.has(code);
}

/** Service principal, application, consent, certificate, secret. */
const ARRIVING = new Set(['AADSTS7000229', 'AADSTS700016', 'AADSTS65001', 'AADSTS700027', 'AADSTS7000215']);

/** The usual mistake has a name of its own. */
function refined(failure: GraphFailure, credential: Credential): { ok: false; failure: GraphFailure } {
  const mistaken = failure.code === 'AADSTS7000215' && looksLikeSecretId(credential);
  return { ok: false, failure: mistaken ? { ...failure, code: 'secret-id' } : failure };
}
