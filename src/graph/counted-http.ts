/** Requests to Microsoft, counted by what they are for and how they were answered: labels of our own, never a URL. */
import type { Http } from './http.ts';

/** How many requests of a kind there were. */
export type RequestCount = readonly [endpoint: string, code: string, times: number];

/** How long counts are kept together, ms. */
const TELL_EVERY = 1000;

/** The same way out; `tell` hears what was counted about a second after it happened. */
export function countedHttp(http: Http, tell: (counts: readonly RequestCount[]) => void): Http {
  let counts = new Map<string, number>();
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    timer = null;
    const told = counts;
    counts = new Map();
    tell(
      [...told].map(([key, times]) => {
        const [endpoint = '', code = ''] = key.split(' ');
        return [endpoint, code, times] as const;
      }),
    );
  };
  const note = (key: string): void => {
    counts.set(key, (counts.get(key) ?? 0) + 1);
    timer ??= setTimeout(flush, TELL_EVERY);
    timer.unref();
  };
  return {
    async request(url, request) {
      const outcome = await http.request(url, request);
      note(`${endpointOf(url)} ${outcome.ok ? codeClass(outcome.value.status) : '000'}`);
      return outcome;
    },
    async [Symbol.asyncDispose]() {
      if (timer) clearTimeout(timer);
      await http[Symbol.asyncDispose]();
    },
  };
}

/** `429` by itself, because throttling is what one looks for; else the class. */
function codeClass(status: number): string {
  return status === 429 ? '429' : `${Math.floor(status / 100)}xx`;
}

/** What a request is for, by its path. */
export function endpointOf(url: string): string {
  const { pathname } = new URL(url);
  if (/\/oauth2\//.test(pathname)) return 'token';
  if (/\/delta(?:\(|$)/.test(pathname)) return 'delta';
  const [, , first = ''] = pathname.split('/');
  return /^(?:organization|users|groups|contacts|directory|applications|servicePrincipals)$/.test(first)
    ? first
    : 'other';
}
