/**
 * The part of the control socket for scripts, appliances and exports.
 *
 *   GET  /v1/recipients/{address}        the verdict on one address, as JSON
 *   GET  /v1/export/gaps                 what a list of addresses cannot say
 *   POST /v1/export {format}             every accepted recipient, as text in that format
 *   POST /v1/export/write {path?, force} writes the configured files now
 */
import type { Hono } from 'hono';
import { EXPORT_FORMATS, type ExportFormat } from '../core/export-format.ts';
import type { ControlEnv } from './acting.ts';

/** A list as it is sent, or why there is none. */
export type ExportedList =
  | {
      readonly ok: true;
      readonly bytes: ReadableStream<Uint8Array>;
    }
  | { readonly ok: false; readonly problem: string };

/** Each function is given by the composition root. */
export interface DoorFunctions {
  gaps(): readonly unknown[];
  list(format: ExportFormat): Promise<ExportedList>;
  /** Writes the export with this path, or all of them. */
  write(path: string | null, force: boolean): Promise<readonly unknown[]>;
}

/** Adds the routes. */
export function doorRoutes(
  app: Hono<ControlEnv>,
  doors: DoorFunctions,
  check: (addresses: readonly string[]) => Promise<unknown>,
): void {
  app.get('/v1/recipients/:address', async (context) => {
    const [verdict] = (await check([context.req.param('address')])) as readonly unknown[];
    return context.json(verdict as object);
  });
  app.get('/v1/export/gaps', (context) => context.json(doors.gaps()));
  app.post('/v1/export', async (context) => {
    const { format = 'postfix' } = Object(await context.req.json().catch(() => null)) as { format?: unknown };
    if (!isFormat(format)) {
      return context.json({ error: `"format" must be one of ${EXPORT_FORMATS.join(', ')}` }, 400);
    }
    const list = await doors.list(format);
    if (!list.ok) return context.json({ error: list.problem }, 409);
    return context.body(list.bytes, 200, { 'content-type': 'text/plain; charset=utf-8' });
  });
  app.post('/v1/export/write', async (context) => {
    const body = Object(await context.req.json().catch(() => null)) as { path?: unknown; force?: unknown };
    if (body.path !== undefined && body.path !== null && typeof body.path !== 'string') {
      return context.json({ error: '"path" must be the path of an [[export]]' }, 400);
    }
    return context.json(await doors.write(body.path ?? null, body.force === true));
  });
}

function isFormat(format: unknown): format is ExportFormat {
  return (EXPORT_FORMATS as readonly unknown[]).includes(format);
}
