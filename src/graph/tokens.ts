/**
 * Access tokens by client credentials, through MSAL. What MSAL leaves to its caller is done here:
 * - several callers share one request (it has no single flight for client credentials);
 * - the last good token is kept, because MSAL throws a network error during an early refresh although the cached token
 *   is still valid (AzureAD/microsoft-authentication-library-for-js#6115);
 * - after any failure the client object is dropped: after a 429, a 5xx or a Retry-After it would refuse the same
 *   request for a minute or more without touching the network;
 * - a changed credential is tried with a client object of its own (the old one would go on serving its cached token), and
 *   replaces one that worked only after it has worked too;
 * - an answer without a token, which MSAL passes as success, is a failure.
 */
import {
  AuthError,
  ConfidentialClientApplication,
  type INetworkModule,
  type NetworkRequestOptions,
  type NetworkResponse,
} from '@azure/msal-node';
import { type Credential, looksLikeSecretId } from './credential.ts';
import {
  CredentialInUse,
  type CredentialNews,
  type CredentialState,
  type KeptCredential,
} from './credential-in-use.ts';
import { done, FailureError, failed, type Outcome } from './failure.ts';
import type { Http, HttpReply } from './http.ts';
import { isRecord } from './objects.ts';
import { signInFailure } from './sign-in-error.ts';

export interface TokenSettings {
  readonly tenant: string;
  readonly applicationId: string;
  /** Base URL of the login service. */
  readonly login: string;
  /** Base URL of Graph; the token is for this resource. */
  readonly graph: string;
  readonly readCredential: () => Promise<Outcome<Credential>>;
  /** Where that finds it; `file` unless given. */
  readonly origin?: 'file' | 'console';
  /** Where the last proven credential survives a restart; unless given, nowhere. */
  readonly kept?: KeptCredential;
  readonly tell?: (news: CredentialNews) => void;
}

export interface Token {
  readonly value: string;
  /** Application permissions in the token; only for diagnostics and for choosing streams. */
  readonly roles: readonly string[];
  /** Ms since 1970. */
  readonly expires: number;
}

export interface Tokens {
  /** A token that is valid now; MSAL renews it five minutes before its end. */
  get(): Promise<Outcome<Token>>;
  /**
   * Reads the credential again. When it changed, a token of the new one is shown to `prove`; unless that succeeds, the
   * old one stays in use. Afterwards nothing of the old one is used any more. A failure: there is no credential.
   */
  renewCredential(prove: ProveToken): Promise<Outcome<null>>;
  /** Graph accepted a token of the credential in use. */
  confirmCredential(): void;
  credential(): CredentialState;
  /** A client of its own, to be thrown away, of the credential in use. */
  freshClient(): Outcome<Client>;
  /** Drops every token, after Graph refused one. */
  forget(): void;
}

/** Whether a token is one for the right tenant. */
export type ProveToken = (token: Token) => Promise<Outcome<unknown>>;

/** A kept token this close to its end is not handed out, ms. */
const LEEWAY = 60_000;

/** Opens the token source of one tenant; nothing is requested yet. */
export function openTokens(settings: TokenSettings, http: Http, now: () => number = Date.now): Tokens {
  const inUse = new CredentialInUse(settings.readCredential, settings.kept, settings.tell, settings.origin);
  let client: Client | null = null;
  let last: Token | null = null;
  let running: Promise<Outcome<Token>> | null = null;

  const forget = (): void => {
    client = null;
    last = null;
  };
  const renewCredential = async (prove: ProveToken): Promise<Outcome<null>> => {
    let tried: { readonly client: Client; readonly token: Token } | null = null;
    const renewed = await inUse.renew(async (candidate) => {
      const fresh = openClient(settings, candidate, http, now);
      const token = await request(fresh, settings.graph, now);
      if (!token.ok) return withSecretIdHint(token, candidate);
      tried = { client: fresh, token: token.value };
      return prove(token.value);
    });
    if (!renewed.ok) return renewed;
    if (renewed.value) ({ client, token: last } = tried ?? { client: null, token: null });
    return done(null);
  };
  const acquire = async (): Promise<Outcome<Token>> => {
    // An assertion is renewed by others, and may have ended since the round began.
    if (inUse.current === null || hasEnded(inUse.current, now())) {
      const renewed = await renewCredential(async () => done(null));
      if (!renewed.ok) return renewed;
    }
    const credential = inUse.current;
    if (credential === null) return failed('credential', 'no-credential', 'no credential');
    client ??= openClient(settings, credential, http, now);
    const asked = client;
    const outcome = await request(asked, settings.graph, now);
    if (outcome.ok) {
      last = outcome.value;
      return outcome;
    }
    if (client === asked) client = null;
    if (last !== null && last.expires - LEEWAY > now()) return done(last);
    return withSecretIdHint(outcome, credential);
  };
  return {
    get() {
      running ??= acquire().finally(() => {
        running = null;
      });
      return running;
    },
    renewCredential,
    confirmCredential: () => inUse.confirm(),
    credential: () => inUse.state,
    freshClient() {
      const credential = inUse.current;
      if (credential === null)
        return failed('credential', 'no-credential', 'no credential has been found yet');
      return done(openClient(settings, credential, http, now));
    },
    forget,
  };
}

function hasEnded(credential: Credential, now: number): boolean {
  return credential.kind === 'assertion' && credential.expires <= now;
}

/** Application permissions named in an access token; none when it cannot be read. Diagnostics only: not verified. */
export function rolesOf(token: string): readonly string[] {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const roles = isRecord(claims) ? claims.roles : null;
    return Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [];
  } catch {
    return [];
  }
}

/** An application of MSAL with the memory of its last exchange. */
export interface Client {
  readonly app: ConfidentialClientApplication;
  readonly net: { last: Outcome<HttpReply> | null };
}

function openClient(settings: TokenSettings, credential: Credential, http: Http, now: () => number): Client {
  const login = new URL(settings.login);
  const net = new RecordingNetwork(http);
  const app = new ConfidentialClientApplication({
    auth: {
      clientId: settings.applicationId,
      authority: `${login.origin}/${settings.tenant}`,
      // Host and port: anything else makes MSAL ask the public login service whether it knows this one.
      knownAuthorities: [login.host],
      ...authOf(credential, now),
    },
    system: { networkClient: net, loggerOptions: { loggerCallback: () => {}, piiLoggingEnabled: false } },
  });
  return { app, net };
}

/** The credential as MSAL takes it. The assertion's function is called at every request, cached token or not. */
function authOf(credential: Credential, now: () => number) {
  if (credential.kind === 'secret') return { clientSecret: credential.secret };
  if (credential.kind === 'certificate') {
    const { thumbprint: thumbprintSha256, privateKey } = credential;
    return { clientCertificate: { thumbprintSha256, privateKey } };
  }
  const { assertion, expires } = credential;
  const clientAssertion = async (): Promise<string> => {
    if (expires > now()) return assertion;
    const hint = 'Check that its issuer still renews assertion_file.';
    throw new FailureError(failed('credential', 'assertion-expired', 'the assertion expired', hint).failure);
  };
  return { clientAssertion };
}

async function request({ app, net }: Client, graph: string, now: () => number): Promise<Outcome<Token>> {
  net.last = null;
  try {
    const scopes = [`${new URL(graph).origin}/.default`];
    const result = await app.acquireTokenByClientCredential({ scopes });
    const expires = result?.expiresOn?.getTime() ?? 0;
    if (!result?.accessToken || expires <= now()) {
      const hint = 'Check that login names the login service of Microsoft.';
      return failed('protocol', 'empty-token', 'Entra ID answered without an access token', hint);
    }
    return done({ value: result.accessToken, roles: rolesOf(result.accessToken), expires });
  } catch (error) {
    if (error instanceof FailureError) return { ok: false, failure: error.failure };
    return { ok: false, failure: signInFailure(error, net.last, now()) };
  }
}

function withSecretIdHint<T>(outcome: Outcome<T>, credential: Credential): Outcome<T> {
  if (outcome.ok || outcome.failure.kind !== 'credential' || !looksLikeSecretId(credential)) return outcome;
  const hint = `${outcome.failure.hint} The configured secret has the form of an id, not of a value.`;
  return { ok: false, failure: { ...outcome.failure, hint } };
}

/** MSAL's network module over our HTTP: a deadline, the CA, the proxy, and a memory of what was last answered. */
class RecordingNetwork implements INetworkModule {
  last: Outcome<HttpReply> | null = null;
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#send<T>('GET', url, options);
  }

  sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#send<T>('POST', url, options);
  }

  async #send<T>(
    method: 'GET' | 'POST',
    url: string,
    options?: NetworkRequestOptions,
  ): Promise<NetworkResponse<T>> {
    const body = method === 'POST' ? { body: options?.body ?? '' } : {};
    const outcome = await this.#http.request(url, { method, headers: options?.headers ?? {}, ...body });
    this.last = outcome;
    if (!outcome.ok) throw new AuthError('network_error', outcome.failure.message, '');
    const { status, headers, text } = outcome.value;
    try {
      return { status, headers: Object.fromEntries(headers), body: JSON.parse(text) as T };
    } catch {
      throw new AuthError('token_parsing_error', `HTTP ${status} without JSON`, '');
    }
  }
}
