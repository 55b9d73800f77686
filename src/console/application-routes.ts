/**
 * The part of the control socket through which a tenant's application is entered, tried and connected. `{tenant}` is an id.
 *
 *   GET  /v1/applications                          every tenant's application as it stands, without any secret
 *   POST /v1/applications/{tenant}/save {…}        keeps application and credential beside what is in use
 *   POST /v1/applications/{tenant}/authenticate    gets a token with what was saved
 *   POST /v1/applications/{tenant}/consent {shared}   notes that a consent link is made; answers what it is made of
 *   POST /v1/applications/{tenant}/declined {shared, code}  notes that the consent came back declined
 *   POST /v1/applications/{tenant}/connect {patient}  proves, adopts, imports; answers how far it is
 *   POST /v1/applications/{tenant}/discard         forgets what was saved and not adopted
 *   GET  /v1/tenant-of?domain&cloud                the tenant of a domain
 *
 * Secrets go in and never come out.
 */
import type { Context, Hono } from 'hono';
import type { Acting, ControlEnv } from './acting.ts';

/** Each function is given by the composition root; what is wrong with a request is part of its answer. */
export interface ApplicationFunctions {
  list(): Promise<unknown>;
  save(tenant: string, given: Readonly<Record<string, unknown>>, by: Acting): Promise<unknown>;
  authenticate(tenant: string, by: Acting): Promise<unknown>;
  consent(tenant: string, shared: boolean, by: Acting): Promise<unknown>;
  declined(tenant: string, shared: boolean, code: string, by: Acting): Promise<unknown>;
  connect(tenant: string, patient: boolean, by: Acting): Promise<unknown>;
  discard(tenant: string, by: Acting): Promise<unknown>;
  tenantOf(domain: string, cloud: string): Promise<unknown>;
}

/** Characters of Microsoft's reason for a decline that are kept. */
const LONGEST_CODE = 80;

/** Adds the routes. */
export function applicationRoutes(app: Hono<ControlEnv>, answer: ApplicationFunctions): void {
  const tenantIn = (context: Context<ControlEnv>): string => context.req.param('tenant') ?? '';
  app.get('/v1/applications', async (context) => context.json(await answer.list()));
  app.post('/v1/applications/:tenant/save', async (context) => {
    return context.json(await answer.save(tenantIn(context), await bodyOf(context), context.get('by')));
  });
  app.post('/v1/applications/:tenant/authenticate', async (context) => {
    return context.json(await answer.authenticate(tenantIn(context), context.get('by')));
  });
  app.post('/v1/applications/:tenant/consent', async (context) => {
    const { shared } = await bodyOf(context);
    return context.json(await answer.consent(tenantIn(context), shared === true, context.get('by')));
  });
  app.post('/v1/applications/:tenant/declined', async (context) => {
    const { shared, code } = await bodyOf(context);
    const why = String(code ?? '').slice(0, LONGEST_CODE);
    const tenant = tenantIn(context).toLowerCase();
    return context.json(await answer.declined(tenant, shared === true, why, context.get('by')));
  });
  app.post('/v1/applications/:tenant/connect', async (context) => {
    const { patient } = await bodyOf(context);
    return context.json(await answer.connect(tenantIn(context), patient === true, context.get('by')));
  });
  app.post('/v1/applications/:tenant/discard', async (context) => {
    return context.json(await answer.discard(tenantIn(context), context.get('by')));
  });
  app.get('/v1/tenant-of', async (context) => {
    const { domain = '', cloud = 'global' } = context.req.query();
    return context.json(await answer.tenantOf(domain, cloud));
  });
}

async function bodyOf(context: Context<ControlEnv>): Promise<Readonly<Record<string, unknown>>> {
  const body: unknown = await context.req.json().catch(() => null);
  return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {};
}
