/** The state of the gateway as the daemon tells it: the parts that pages show, and what a visitor may see of them. */
import type { Coverage } from '../../core/coverage.ts';
import type { NextHopStatus } from '../../core/next-hop-status.ts';
import type { HeldPage } from '../../core/recipient-search.ts';
import type { HeldPlan } from '../../core/reconcile.ts';
import type { Daemon } from '../site/daemon.ts';
import { maySee, type Visitor } from '../site/visit.ts';

/** Times are in ms since 1970. */
export interface GatewayView {
  readonly version: string;
  readonly startedAt: number;
  readonly now: number;
  readonly listeners: ReadonlyArray<{
    readonly address: string;
    readonly mode: string;
    readonly connections: number;
  }>;
  readonly nextHops?: readonly NextHopStatus[];
  readonly tenants: readonly TenantView[];
}

export interface TenantView {
  readonly tenant: string;
  readonly freshness: string;
  readonly syncedAt: number | null;
  readonly addresses: number;
  readonly objects?: Readonly<Record<string, number>>;
  readonly departed: number;
  readonly held: number;
  readonly plan?: HeldPlan | null;
  readonly domains: readonly string[];
  readonly lastRound: RoundView | null;
  readonly nextRun: number | null;
  readonly nextFull?: number | null;
  /** false: neither the file nor the console has a credential for it. */
  readonly setUp?: boolean;
  readonly credential?: CredentialView | null;
  readonly sharedDomains?: ReadonlyArray<{ readonly domain: string; readonly tenants: readonly string[] }>;
  readonly trouble: string | null;
  readonly imported?: {
    readonly file: string;
    readonly importedAt: number;
    readonly addresses: number;
  } | null;
}

export interface TroubleView {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | null;
}

export interface RoundView {
  readonly tenant: string;
  readonly outcome: string;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly addresses: number | null;
  readonly added: number;
  readonly removed: number;
  readonly held: number;
  readonly streams?: ReadonlyArray<{
    readonly stream: string;
    readonly read: string;
    readonly entries: number;
    readonly error?: TroubleView;
  }>;
  readonly error?: TroubleView;
}

export interface CredentialView {
  readonly use: {
    readonly kind: string;
    readonly source: string;
    readonly expires: number | null;
  } | null;
  readonly proven: boolean;
  readonly trouble: TroubleView | null;
}

/** The typed questions of this area. Each throws what {@link Daemon} throws, and Error when the answer has another form. */
export interface GatewayQuestions {
  status(): Promise<GatewayView>;
  /** The latest first; `limit` null: all that are remembered. */
  rounds(tenant: string, limit: number | null): Promise<readonly RoundView[]>;
  held(tenant: string, after: string): Promise<HeldPage>;
  coverage(): Promise<readonly Coverage[]>;
}

/** Asks the daemon. */
export function gatewayQuestions(daemon: Pick<Daemon, 'get'>): GatewayQuestions {
  return {
    async status() {
      const value = (await daemon.get('/v1/status')) as GatewayView | null;
      return checked(value, Array.isArray(value?.tenants) && Array.isArray(value.listeners));
    },
    async rounds(tenant, limit) {
      const query = new URLSearchParams({ tenant, limit: String(limit ?? '') });
      const value = await daemon.get(`/v1/rounds?${query}`);
      return checked(value as readonly RoundView[], Array.isArray(value));
    },
    async held(tenant, after) {
      const query = new URLSearchParams({ tenant, after });
      const value = (await daemon.get(`/v1/held?${query}`)) as HeldPage | null;
      return checked(value, Array.isArray(value?.items));
    },
    async coverage() {
      const value = await daemon.get('/v1/coverage');
      return checked(value as readonly Coverage[], Array.isArray(value));
    },
  };
}

function checked<Value>(value: Value | null, fits: boolean): Value {
  if (!fits || value === null)
    throw new Error('the daemon answered in a form that this console does not know');
  return value;
}

/** The tenants that a visitor may see, in the order of the configuration. */
export function visibleTenants(visitor: Visitor, { tenants }: GatewayView): readonly TenantView[] {
  return tenants.filter(({ tenant }) => maySee(visitor, tenant));
}
