/**
 * The part of the control socket through which the operator tells the gateway what Microsoft Graph cannot show.
 *
 *   GET  /v1/overrides                       both sources, reviewed
 *   POST /v1/overrides {match, action, …}    adds or replaces one
 *   POST /v1/overrides/remove {match}        removes one that was added here
 *   POST /v1/import?tenant&file&dry_run&force   the body is the list, passed on unread
 *   GET  /v1/coverage                        what is known of every tenant, and what is missing
 */
import type { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Acting, ControlEnv } from './acting.ts';

/** An import as it is asked for. */
export interface ImportRequest {
  /** null: the only tenant there is. */
  readonly tenant: string | null;
  readonly file: string;
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly list: Uint8Array;
}

/** Each function is given by the composition root; what is wrong with a request is part of its answer. */
export interface OperatorFunctions {
  overrides(): Promise<unknown>;
  addOverride(given: unknown, by: Acting): Promise<unknown>;
  removeOverride(match: string, by: Acting): Promise<unknown>;
  importList(request: ImportRequest, by: Acting): Promise<unknown>;
  coverage(): Promise<unknown>;
}

/** Enough for about three million addresses. */
const LARGEST_IMPORT = 256 * 1024 * 1024;

/** Adds the route that takes large bodies; it has to come before the limit for all others. */
export function importRoute(app: Hono<ControlEnv>, answer: OperatorFunctions): void {
  const limit = bodyLimit({
    maxSize: LARGEST_IMPORT,
    onError: (context) => context.json({ error: 'the list is larger than 256 MB' }, 413),
  });
  app.post('/v1/import', limit, async (context) => {
    const { tenant = null, file = '', dry_run, force } = context.req.query();
    if (file === '') return context.json({ error: '"file" must name the imported file' }, 400);
    const list = await sharedBytes(context.req.raw);
    const request = { tenant, file, dryRun: dry_run === '1', force: force === '1', list };
    return context.json(await answer.importList(request, context.get('by')));
  });
}

/**
 * A body in shared memory, filled piece by piece as it arrives: a large list is then neither put together in one go nor copied
 * to the thread that reads it, either of which would be a pause for SMTP.
 */
async function sharedBytes(request: Request): Promise<Uint8Array> {
  const length = Number(request.headers.get('content-length') ?? Number.NaN);
  if (!Number.isSafeInteger(length) || request.body === null)
    return new Uint8Array(await request.arrayBuffer());
  const list = new Uint8Array(new SharedArrayBuffer(length));
  let at = 0;
  for await (const piece of request.body as unknown as AsyncIterable<Uint8Array>) {
    list.set(piece.subarray(0, length - at), at);
    at += piece.length;
  }
  return list.subarray(0, at);
}

/** Adds the other routes. */
export function operatorRoutes(app: Hono<ControlEnv>, answer: OperatorFunctions): void {
  app.get('/v1/overrides', async (context) => context.json(await answer.overrides()));
  app.post('/v1/overrides', async (context) => {
    const given: unknown = await context.req.json().catch(() => null);
    return context.json(await answer.addOverride(given, context.get('by')));
  });
  app.post('/v1/overrides/remove', async (context) => {
    const body: unknown = await context.req.json().catch(() => null);
    const { match } = Object(body) as { match?: unknown };
    if (typeof match !== 'string') return context.json({ error: '"match" must be a string' }, 400);
    return context.json(await answer.removeOverride(match, context.get('by')));
  });
  app.get('/v1/coverage', async (context) => context.json(await answer.coverage()));
}
