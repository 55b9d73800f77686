/**
 * The part of the control socket through which recipients and rounds are looked up; nothing here changes anything.
 *
 *   GET  /v1/recipients?tenant&q&kind&after&limit   a page of a search
 *   GET  /v1/recipient?tenant&stream&id     everything known of one object; null when there is none
 *   GET  /v1/held?tenant&after              a part of the held plan, in order of address
 *   GET  /v1/rounds?tenant&limit            the last rounds, the latest first
 *   POST /v1/explain {address, tenants}     the answer to an address and why; null outside of these tenants
 *   POST /v1/overrides/owners {matches}     whose tenant each match speaks for
 */
import type { Hono } from 'hono';
import type { ControlEnv } from './acting.ts';

/** A search as it is asked for. */
export interface SearchRequest {
  readonly tenant: string;
  readonly text: string;
  readonly kind: string | null;
  readonly after: string | null;
  readonly limit: number;
}

/** Each function is given by the composition root; one that rejects is an answer with its message. */
export interface RecipientFunctions {
  search(request: SearchRequest): Promise<unknown>;
  recipient(tenant: string, stream: string, id: string): Promise<unknown>;
  held(tenant: string, after: string): Promise<unknown>;
  rounds(tenant: string, limit: number | null): Promise<unknown>;
  /** `tenants` null: of any. */
  explain(address: string, tenants: readonly string[] | null): Promise<unknown>;
  owners(matches: readonly string[]): unknown;
}

/** Rows of a page unless asked otherwise. */
const PAGE = 50;

/** Adds the routes. */
export function recipientRoutes(app: Hono<ControlEnv>, answer: RecipientFunctions): void {
  app.get('/v1/recipients', async (context) => {
    const { tenant = '', q = '', kind = '', after = '', limit = '' } = context.req.query();
    const rows = /^\d{1,3}$/.test(limit) ? Number(limit) : PAGE;
    const request = { tenant, text: q, kind: kind || null, after: after || null, limit: rows };
    return context.json(await answer.search(request));
  });
  app.get('/v1/recipient', async (context) => {
    const { tenant = '', stream = '', id = '' } = context.req.query();
    return context.json(await answer.recipient(tenant, stream, id));
  });
  app.get('/v1/held', async (context) => {
    const { tenant = '', after = '' } = context.req.query();
    return context.json(await answer.held(tenant, after));
  });
  app.get('/v1/rounds', async (context) => {
    const { tenant = '', limit = '' } = context.req.query();
    return context.json(await answer.rounds(tenant, /^\d{1,3}$/.test(limit) ? Number(limit) : null));
  });
  app.post('/v1/explain', async (context) => {
    const { address, tenants = null } = Object(await context.req.json().catch(() => null)) as {
      address?: unknown;
      tenants?: unknown;
    };
    if (typeof address !== 'string' || (tenants !== null && !isTexts(tenants))) {
      return context.json({ error: '"address" must be a string, "tenants" a list of tenant ids' }, 400);
    }
    return context.json(await answer.explain(address, tenants));
  });
  app.post('/v1/overrides/owners', async (context) => {
    const { matches } = Object(await context.req.json().catch(() => null)) as { matches?: unknown };
    if (!isTexts(matches)) return context.json({ error: '"matches" must be a list of strings' }, 400);
    return context.json(answer.owners(matches));
  });
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
