/** The real clients, unpatched, as they talk to a practice tenant: MSAL for tokens, the Graph client for the rest. */
import type { Configuration, INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import { ConfidentialClientApplication } from '@azure/msal-node';
import { Client } from '@microsoft/microsoft-graph-client';
import { Agent, fetch as undiciFetch } from 'undici';
import type { Entry, Page } from '../../src/practice/entry.ts';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';

/** A fetch that trusts the tenant's CA. */
export function fetchOf(tenant: PracticeTenant): typeof fetch {
  const dispatcher = new Agent({ connect: { ca: tenant.caPem } });
  return ((url: string, init?: object) =>
    undiciFetch(url, { ...init, dispatcher })) as unknown as typeof fetch;
}

function networkOf(tenant: PracticeTenant): INetworkModule {
  const call = fetchOf(tenant);
  const send = async <T>(
    method: string,
    url: string,
    o?: NetworkRequestOptions,
  ): Promise<NetworkResponse<T>> => {
    const body = method === 'POST' ? { body: o?.body ?? '' } : {};
    const response = await call(url, { method, headers: o?.headers ?? {}, ...body });
    return {
      headers: Object.fromEntries(response.headers),
      body: (await response.json()) as T,
      status: response.status,
    };
  };
  return {
    sendGetRequestAsync: (url, options) => send('GET', url, options),
    sendPostRequestAsync: (url, options) => send('POST', url, options),
  };
}

/** MSAL with the tenant's application; `auth` replaces parts of it. */
export function msalOf(
  tenant: PracticeTenant,
  auth: Partial<Configuration['auth']> = {},
): ConfidentialClientApplication {
  const credential = auth.clientCertificate || auth.clientAssertion ? {} : { clientSecret: tenant.secret };
  return new ConfidentialClientApplication({
    auth: {
      clientId: tenant.applicationId,
      authority: `${tenant.login}/${tenant.tenantId}`,
      knownAuthorities: [new URL(tenant.login).host],
      ...credential,
      ...auth,
    },
    system: { networkClient: networkOf(tenant) },
  });
}

/** An access token, by way of MSAL. */
export async function tokenOf(tenant: PracticeTenant, msal = msalOf(tenant)): Promise<string> {
  const result = await msal.acquireTokenByClientCredential({
    scopes: [`${tenant.graph}/.default`],
    skipCache: true,
  });
  return result?.accessToken ?? '';
}

/** The Graph client; it retries nothing, so that a test sees every reply. */
export function graphOf(tenant: PracticeTenant, token?: string): Client {
  const call = fetchOf(tenant);
  return Client.initWithMiddleware({
    baseUrl: `${tenant.graph}/`,
    customHosts: new Set(['localhost']),
    middleware: {
      async execute(context) {
        const url = typeof context.request === 'string' ? context.request : context.request.url;
        const headers = new Headers(context.options?.headers as Record<string, string>);
        headers.set('authorization', `Bearer ${token ?? (await tokenOf(tenant))}`);
        context.response = await call(url, { ...context.options, headers } as RequestInit);
      },
    },
  });
}

/** Every page of a round or list, and where it ended. */
export async function readAll(
  client: Client,
  start: string,
): Promise<{ pages: Page[]; entries: Entry[]; link: string }> {
  const pages: Page[] = [];
  let next: string | undefined = start;
  while (next !== undefined) {
    const page: Page = await client.api(next).get();
    pages.push(page);
    next = page['@odata.nextLink'];
  }
  return {
    pages,
    entries: pages.flatMap((page) => page.value),
    link: pages.at(-1)?.['@odata.deltaLink'] ?? '',
  };
}

/** What a refused request says. */
export async function refusal(
  request: Promise<unknown>,
): Promise<{ statusCode: number; code: string | null; message: string; headers?: Headers }> {
  try {
    await request;
  } catch (error) {
    return error as { statusCode: number; code: string | null; message: string };
  }
  throw new Error('the request was not refused');
}
