/**
 * The part of the control socket for looking after the gateway.
 *
 *   GET  /v1/domains             the accepted domains as they are in force, with how their tenants do
 *   POST /v1/backup {secrets}    a copy of the mirror, as the bytes of a SQLite file
 *   POST /v1/rotate-key          everything that is sealed, sealed anew under another master key
 */
import type { Hono } from 'hono';
import type { Acting, ControlEnv } from './acting.ts';

/** A copy on its way. */
export interface SentBackup {
  readonly length: number;
  readonly bytes: ReadableStream<Uint8Array>;
}

/** Each function is given by the composition root; one that rejects is an answer with its message. */
export interface UpkeepFunctions {
  domains(): readonly unknown[];
  backup(secrets: boolean, by: Acting): Promise<SentBackup>;
  rotateKey(by: Acting): Promise<object>;
}

/** Adds the routes. */
export function upkeepRoutes(app: Hono<ControlEnv>, answer: UpkeepFunctions): void {
  app.get('/v1/domains', (context) => context.json([...answer.domains()] as object[]));
  app.post('/v1/rotate-key', async (context) => context.json(await answer.rotateKey(context.get('by'))));
  app.post('/v1/backup', async (context) => {
    const { secrets } = Object(await context.req.json().catch(() => null)) as { secrets?: unknown };
    const { length, bytes } = await answer.backup(secrets === true, context.get('by'));
    const headers = { 'content-type': 'application/vnd.sqlite3', 'content-length': String(length) };
    return context.body(bytes, 200, headers);
  });
}
