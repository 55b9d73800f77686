/**
 * The tenant that a domain belongs to, from the public OpenID configuration (OpenID Connect Discovery 1.0), which Entra ID
 * answers for every verified domain of a tenant.
 */

import { aadstsIn } from '../core/aadsts.ts';
import { isGuid } from '../core/application.ts';
import { done, failed, type Outcome } from './failure.ts';
import type { Http } from './http.ts';
import { isRecord } from './objects.ts';

/** The tenant id of a domain (A-labels); null when Entra ID of this cloud knows no such domain. */
export async function tenantOfDomain(
  domain: string,
  login: string,
  http: Http,
): Promise<Outcome<string | null>> {
  const url = `${login}/${encodeURIComponent(domain)}/v2.0/.well-known/openid-configuration`;
  const reply = await http.request(url, { method: 'GET', headers: { accept: 'application/json' } });
  if (!reply.ok) return reply;
  const { status, text } = reply.value;
  const body = parsed(text);
  const issuer = isRecord(body) && typeof body.issuer === 'string' ? body.issuer : '';
  const tenant = issuer.split('/').find(isGuid);
  if (status === 200 && tenant !== undefined) return done(tenant.toLowerCase());
  if (aadstsIn(text) === 90002) return done(null);
  return failed('protocol', `http-${status}`, `${new URL(login).host} answered HTTP ${status} to ${domain}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
