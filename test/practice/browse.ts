/** A person without a browser: opens a practice page, sends its form, reads where it leads. */
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { fetchOf } from './clients.ts';

/** A page, or where the browser is sent. */
export interface Step {
  readonly status: number;
  readonly text: string;
  /** Query of the address that the browser is sent to; null for a page. */
  readonly sent: Readonly<Record<string, string>> | null;
  /** That address without its query. */
  readonly to: string;
}

/** Opens an address, or sends `fields` to it as its form does. */
export async function open(
  tenant: PracticeTenant,
  url: string,
  fields?: Readonly<Record<string, string>>,
): Promise<Step> {
  const form = fields && {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  };
  const response = await fetchOf(tenant)(url, { redirect: 'manual', ...form });
  const text = await response.text();
  const location = response.headers.get('location');
  if (location === null) return { status: response.status, text, sent: null, to: '' };
  const { origin, pathname, searchParams } = new URL(location);
  return { status: response.status, text, sent: Object.fromEntries(searchParams), to: origin + pathname };
}

/** An address of the tenant with a query; fields that are null are left out. */
export function address(
  tenant: PracticeTenant,
  path: string,
  query: Readonly<Record<string, string | null>>,
): string {
  const url = new URL(`${tenant.login}${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null) url.searchParams.set(name, value);
  }
  return url.href;
}
