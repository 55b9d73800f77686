/**
 * An OpenID provider that nobody here wrote (npm oidc-provider), at the addresses that Microsoft Entra ID has, with its
 * claims. Its own sign-in and consent pages are sent like a person would.
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import { createAuthority, createServerIdentity } from '../../src/practice/certificate.ts';

export interface ForeignProvider extends AsyncDisposable {
  /** Base URL of the login service. */
  readonly login: string;
  readonly caPem: string;
}

export interface ForeignClient {
  readonly tenant: string;
  readonly applicationId: string;
  readonly secret: string;
  readonly redirectUri: string;
  /** What the identity token says of whoever signs in. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Starts it on a free loopback port. */
export async function startForeignProvider(client: ForeignClient): Promise<ForeignProvider> {
  const authority = createAuthority();
  const identity = createServerIdentity(authority, { dns: ['localhost'], ipv4: ['127.0.0.1'] });
  const server = https.createServer({ key: identity.keyPem, cert: identity.certPem });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const login = `https://localhost:${(server.address() as AddressInfo).port}`;
  const provider = await providerFor(`${login}/${client.tenant}/v2.0`, client);
  const answer = provider.callback();
  server.on('request', (request: IncomingMessage & { originalUrl?: string }, response) => {
    const base = `/${client.tenant}/v2.0`;
    request.originalUrl = (request.url ?? '')
      .replace(`/${client.tenant}/oauth2/v2.0/authorize`, `${base}/auth`)
      .replace(`/${client.tenant}/discovery/v2.0/keys`, `${base}/jwks`);
    request.url = request.originalUrl.slice(base.length);
    void answer(request, response);
  });
  return {
    login,
    caPem: authority.certPem,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function providerFor(issuer: string, client: ForeignClient): Promise<Provider> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'foreign', alg: 'RS256', use: 'sig' };
  return new Provider(issuer, {
    clients: [
      {
        client_id: client.applicationId,
        client_secret: client.secret,
        redirect_uris: [client.redirectUri],
        response_types: ['code'],
        grant_types: ['authorization_code'],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    claims: { openid: ['sub', 'tid', 'oid', 'roles', 'ver'], profile: ['name'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['for this test only'] },
    jwks: { keys: [key] },
    ttl: {
      AccessToken: 3600,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 3600,
      Interaction: 600,
      Session: 3600,
    },
    findAccount: async (_context: unknown, id: string) => ({
      accountId: id,
      claims: async () => ({ sub: id, ...client.claims }),
    }),
  });
}
