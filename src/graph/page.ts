/**
 * One page of a delta read, checked before anything believes it. The graph client hands over a proxy's error page as
 * happily as a page of users, and a short list that is taken for the whole tenant bounces real people.
 */
import type { RecipientPatch } from '../core/recipient.ts';
import { isRecord, readObject } from './objects.ts';

export interface DeltaPage {
  readonly patches: readonly RecipientPatch[];
  /** Where to go on; exactly one of the two is set. */
  readonly next: string | null;
  readonly delta: string | null;
}

export type ReadPage =
  | { readonly ok: true; readonly page: DeltaPage }
  | { readonly ok: false; readonly problem: string };

/** Most pages of one read: 200 objects a page in practice, so this is twenty million objects. */
export const PAGE_CAP = 100_000;

/**
 * Checks and reads a page: `value` is an array of objects with ids, and there is exactly one of nextLink and
 * deltaLink, with the same origin as `base`, because what a foreign link says would enter the mirror. Never throws.
 */
export function readPage(body: unknown, base: string): ReadPage {
  if (!isRecord(body)) return bad('the page is not a JSON object');
  const value = body.value;
  if (!Array.isArray(value)) return bad('the page has no value array');
  const links = readLinks(body, base);
  if (typeof links === 'string') return bad(links);
  const patches: RecipientPatch[] = [];
  for (const item of value) {
    const read = readObject(item);
    if (!read.ok) return bad(read.problem);
    patches.push(read.patch);
  }
  return { ok: true, page: { patches, ...links } };
}

/** The two links of a page, or what is wrong with them. */
function readLinks(body: Record<string, unknown>, base: string): Pick<DeltaPage, 'next' | 'delta'> | string {
  const next = body['@odata.nextLink'] ?? null;
  const delta = body['@odata.deltaLink'] ?? null;
  if (next !== null && delta !== null) return 'the page has both nextLink and deltaLink';
  const link = next ?? delta;
  if (link === null) return 'the page has neither nextLink nor deltaLink';
  if (typeof link !== 'string' || !sameOrigin(link, base)) return 'the page links to another server';
  return next === null ? { next: null, delta: link } : { next: link, delta: null };
}

/** Whether a link may be followed from a page of `base`. */
export function sameOrigin(link: string, base: string): boolean {
  return URL.canParse(link) && new URL(link).origin === new URL(base).origin;
}

function bad(problem: string): ReadPage {
  return { ok: false, problem };
}
