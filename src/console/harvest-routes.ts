/**
 * The part of the control socket that shows the harvest guard.
 *
 *   GET  /v1/harvest                  limits, memory, and the clients that are denied
 *   POST /v1/harvest/reset {client?}  lets one client ask again, or everybody
 */
import type { Hono } from 'hono';
import type { ControlEnv } from './acting.ts';

/** Each function is given by the composition root. */
export interface HarvestFunctions {
  state(): unknown;
  /** `problem` when `client` is no address; the clients that were denied otherwise. */
  reset(client: string | null): unknown;
}

/** Adds the routes. */
export function harvestRoutes(app: Hono<ControlEnv>, answer: HarvestFunctions): void {
  app.get('/v1/harvest', (context) => context.json(Object(answer.state())));
  app.post('/v1/harvest/reset', async (context) => {
    const body: unknown = await context.req.json().catch(() => null);
    const { client = null } = Object(body) as { client?: unknown };
    if (client !== null && typeof client !== 'string') {
      return context.json({ error: '"client" must be an IP address' }, 400);
    }
    return context.json(Object(answer.reset(client)));
  });
}
