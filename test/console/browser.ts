/** A browser without a screen: cookies, forms, redirects one at a time. For the real console on a loopback port. */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';

/** One answer, read to its end. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly html: string;
  /** Absolute; null unless the answer redirects. */
  readonly location: string | null;
}

export interface BrowserOptions {
  /** PEM of authorities to trust. */
  readonly ca?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Fields of the first form whose action ends with `action`. */
export function hiddenFields(html: string, action: string): Record<string, string> {
  const form = [...html.matchAll(/<form[^>]*action="([^"]*)"[^>]*>(.*?)<\/form>/gs)].find(([, where]) =>
    where?.endsWith(action),
  );
  const inputs = (form?.[2] ?? '').matchAll(/<input[^>]*>/g);
  const attribute = (input: string, name: string) => new RegExp(` ${name}="([^"]*)"`).exec(input)?.[1];
  return Object.fromEntries(
    [...inputs].map(([input]) => [
      attribute(input, 'name') ?? '',
      (attribute(input, 'value') ?? '').replaceAll('&amp;', '&'),
    ]),
  );
}

export class Browser {
  /** By host, then by name; HttpOnly and all. */
  readonly cookies = new Map<string, Map<string, string>>();
  readonly #options: BrowserOptions;

  constructor(options: BrowserOptions = {}) {
    this.#options = options;
  }

  get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
    return this.#request('GET', url, null, headers);
  }

  /** Posts a form as a page of the same origin would. */
  post(
    url: string,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Page> {
    const own = { origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' };
    return this.#request('POST', url, new URLSearchParams(fields).toString(), { ...own, ...headers });
  }

  /** GETs redirects until there is none. */
  async follow(page: Page): Promise<Page> {
    let last = page;
    for (let hops = 0; last.location !== null && hops < 10; hops++) last = await this.get(last.location);
    return last;
  }

  async #request(
    method: string,
    url: string,
    body: string | null,
    headers: Readonly<Record<string, string>>,
  ): Promise<Page> {
    const { protocol, host } = new URL(url);
    const jar = this.cookies.get(host) ?? new Map<string, string>();
    this.cookies.set(host, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const { ca, headers: always = {} } = this.#options;
    const sent = (protocol === 'https:' ? https : http).request(url, {
      method,
      agent: false,
      ...(ca === undefined ? {} : { ca }),
      headers: {
        ...(cookie === '' ? {} : { cookie }),
        ...(body === null ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...always,
        ...headers,
      },
    });
    sent.end(body ?? undefined);
    const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
    let html = '';
    for await (const chunk of response.setEncoding('utf8')) html += chunk;
    for (const text of response.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(text) ?? [];
      if (/max-age=0/i.test(text)) jar.delete(name);
      else jar.set(name, value);
    }
    const { location } = response.headers;
    return {
      url,
      status: response.statusCode ?? 0,
      headers: response.headers,
      html,
      location: location === undefined ? null : new URL(location, url).href,
    };
  }
}
