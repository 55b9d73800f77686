/** What the recipients pages ask the daemon, typed. Each function throws what the daemon's handle throws. */
import type { ImportPlan } from '../../core/import-plan.ts';
import type { ReviewedOverride } from '../../core/override-review.ts';
import type { RecipientPicture, SearchPage } from '../../core/recipient-search.ts';
import type { Actor, Daemon } from '../site/daemon.ts';

export interface SearchForm {
  readonly tenant: string;
  readonly q: string;
  readonly kind: string;
  readonly after: string;
}

/** The answer to an address, and why. Times are in ms since 1970. */
export interface Explained {
  readonly address: string;
  readonly normalised: string | null;
  readonly verdict: string;
  readonly reason: string;
  readonly reply: string;
  readonly domain: string | null;
  readonly tenant: string | null;
  readonly nextHop: string | null;
  readonly matched: string | null;
  readonly freshness: string | null;
  /** Ms. */
  readonly directoryAge: number | null;
  readonly lookup?: { readonly outcome: string; readonly ms: number } | null;
  readonly objects: ReadonlyArray<{
    readonly kind: string;
    readonly displayName: string | null;
    readonly id: string;
    readonly stream?: string;
    readonly tenant?: string;
    readonly attribute: string;
  }> | null;
  readonly override?: {
    readonly match: string;
    readonly action: string;
    readonly note: string | null;
    readonly expires: number | null;
    readonly source: string;
  } | null;
  readonly imported?: { readonly file: string; readonly importedAt: number } | null;
}

/** A refusal that is remembered by its reference. */
export interface RememberedRefusal {
  readonly at: number;
  readonly row: {
    readonly rcpt: string | null;
    readonly address: string | null;
    readonly tenant: string | null;
    readonly client: string;
    readonly mailFrom: string | null;
    readonly code: number;
    readonly reason: string;
    readonly detail: string | null;
  };
}

/** The normal form of a match and whose tenant it speaks for. */
export interface MatchOwner {
  readonly match: string | null;
  readonly tenant: string | null;
}

/** An override with the tenant it speaks for; null: of none, or of several. */
export type OwnedOverride = ReviewedOverride & { readonly tenant: string | null };

export type AddedOverride =
  | { readonly ok: true; readonly override: ReviewedOverride; readonly replaced: object | null }
  | {
      readonly ok: false;
      readonly problems: ReadonlyArray<{ readonly key: string; readonly problem: string }>;
    };

export type ImportResult =
  | { readonly ok: false; readonly problem: string }
  | {
      readonly ok: true;
      readonly tenant: string;
      readonly applied: boolean;
      readonly plan: ImportPlan;
      readonly foreign: Readonly<Record<string, number>>;
    };

export interface TenantChoice {
  readonly tenant: string;
  readonly domains: readonly string[];
  readonly imported: {
    readonly file: string;
    readonly importedAt: number;
    readonly addresses: number;
  } | null;
}

export interface RecipientQuestions {
  tenants(): Promise<readonly TenantChoice[]>;
  search(form: SearchForm): Promise<SearchPage>;
  recipient(tenant: string, stream: string, id: string): Promise<RecipientPicture | null>;
  /** null: the address is of none of these tenants. */
  explain(address: string, tenants: readonly string[] | null): Promise<Explained | null>;
  /** null when the daemon remembers no references. */
  reference(ref: string, tenants: readonly string[] | null): Promise<readonly RememberedRefusal[] | null>;
  overrides(): Promise<readonly OwnedOverride[]>;
  owner(match: string): Promise<MatchOwner>;
  saveOverride(given: Readonly<Record<string, string>>, actor: Actor): Promise<AddedOverride>;
  removeOverride(
    match: string,
    actor: Actor,
  ): Promise<{ readonly match: string; readonly removed: object | null; readonly inFile: boolean }>;
  importList(ask: ImportAsk, actor: Actor): Promise<ImportResult>;
}

export interface ImportAsk {
  readonly tenant: string;
  readonly file: string;
  readonly list: Uint8Array;
  readonly dryRun: boolean;
  readonly force: boolean;
}

/** Asks the daemon. */
export function recipientQuestions(daemon: Pick<Daemon, 'get' | 'post'>): RecipientQuestions {
  const owners = async (matches: readonly string[]): Promise<readonly MatchOwner[]> =>
    (await daemon.post('/v1/overrides/owners', { matches })) as readonly MatchOwner[];
  return {
    async tenants() {
      const { tenants } = (await daemon.get('/v1/status')) as { readonly tenants: readonly TenantChoice[] };
      return tenants.map(({ tenant, domains, imported }) => ({
        tenant,
        domains: domains ?? [],
        imported: imported ?? null,
      }));
    },
    async search({ tenant, q, kind, after }) {
      return (await daemon.get(
        `/v1/recipients?${new URLSearchParams({ tenant, q, kind, after })}`,
      )) as SearchPage;
    },
    async recipient(tenant, stream, id) {
      const query = new URLSearchParams({ tenant, stream, id });
      return (await daemon.get(`/v1/recipient?${query}`)) as RecipientPicture | null;
    },
    async explain(address, tenants) {
      return (await daemon.post('/v1/explain', { address, tenants })) as Explained | null;
    },
    async reference(ref, tenants) {
      const query = tenants === null ? '' : `?tenants=${tenants.map(encodeURIComponent).join(',')}`;
      const path = `/v1/references/${encodeURIComponent(ref)}${query}`;
      // A daemon whose log of rejections cannot be read still explains addresses.
      const answer = await daemon.get(path).catch(() => null);
      const { entries } = Object(answer) as { readonly entries?: readonly RememberedRefusal[] };
      return entries ?? null;
    },
    async overrides() {
      const entries = (await daemon.get('/v1/overrides')) as readonly ReviewedOverride[];
      const owned = await owners(entries.map(({ match }) => match));
      return entries.map((entry, index) => ({ ...entry, tenant: owned[index]?.tenant ?? null }));
    },
    owner: async (match) => (await owners([match]))[0] ?? { match: null, tenant: null },
    async saveOverride(given, actor) {
      return (await daemon.post('/v1/overrides', given, actor)) as AddedOverride;
    },
    async removeOverride(match, actor) {
      return (await daemon.post('/v1/overrides/remove', { match }, actor)) as Awaited<
        ReturnType<RecipientQuestions['removeOverride']>
      >;
    },
    async importList({ tenant, file, list, dryRun, force }, actor) {
      const query = new URLSearchParams({
        tenant,
        file,
        dry_run: dryRun ? '1' : '',
        force: force ? '1' : '',
      });
      return (await daemon.post(`/v1/import?${query}`, list, actor)) as ImportResult;
    },
  };
}
