/**
 * The control socket: HTTP over a Unix socket, through which the commands ask the running daemon.
 *
 *   GET  /v1/status               the state as JSON
 *   POST /v1/check {addresses}    verdict and explanation of each address
 *   POST /v1/sync  {tenant?}      runs a round; answers progress and reports as JSON lines
 *   POST /v1/reload               reads configuration and certificates again
 *   GET  /v1/discrepancies        where next hops and the directory differ
 *   GET  /metrics                 Prometheus text format
 *   GET  /healthz, /readyz        200 while it answers; 503 while it should get no mail
 *   overrides, import, coverage   in operator-routes.ts
 *   recipients, rounds, explain   in recipient-routes.ts
 *   rejections, history           in rejections-routes.ts
 *   applications                  in application-routes.ts
 *   one address, exports          in door-routes.ts
 *   harvest                       in harvest-routes.ts
 *   domains, backup               in upkeep-routes.ts
 *
 * Whoever may open the socket file may ask: its permissions (0660) are the access control.
 */
import { chmodSync, existsSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import net from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { stream } from 'hono/streaming';
import { type Acting, actingIn, type ControlEnv } from './acting.ts';
import { type ApplicationFunctions, applicationRoutes } from './application-routes.ts';
import { type ConsoleFunctions, consoleRoutes } from './console-routes.ts';
import { type DoorFunctions, doorRoutes } from './door-routes.ts';
import { type HarvestFunctions, harvestRoutes } from './harvest-routes.ts';
import { importRoute, type OperatorFunctions, operatorRoutes } from './operator-routes.ts';
import { type RecipientFunctions, recipientRoutes } from './recipient-routes.ts';
import { type RejectionFunctions, rejectionRoutes } from './rejections-routes.ts';
import { type UpkeepFunctions, upkeepRoutes } from './upkeep-routes.ts';

/** What the socket can answer; each function is given by the composition root. */
export interface ControlFunctions {
  status(): Promise<unknown>;
  check(addresses: readonly string[]): Promise<unknown>;
  sync(
    tenant: string | null,
    progress: (step: unknown) => void,
    dryRun: boolean,
    by: Acting,
  ): Promise<unknown>;
  approve(hash: string, tenant: string | null, by: Acting): Promise<unknown>;
  discrepancies(): Promise<unknown>;
  metrics(): Promise<string>;
  /** Reads configuration and certificates again. */
  reload?(): object;
  readiness?(): { readonly ready: boolean };
  readonly operator: OperatorFunctions;
  readonly recipients?: RecipientFunctions;
  readonly rejections?: RejectionFunctions;
  readonly applications?: ApplicationFunctions;
  readonly console?: ConsoleFunctions;
  /** What the console proves itself with; null without a console. */
  readonly consoleToken?: string | null;
  readonly doors: DoorFunctions;
  readonly harvest: HarvestFunctions;
  readonly upkeep?: UpkeepFunctions;
}

export interface ControlServer extends AsyncDisposable {
  readonly path: string;
}

/** The routes alone, for tests without a socket. */
export function controlRoutes(answer: ControlFunctions): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  app.onError((error, context) => context.json({ error: error.message }, 500));
  app.use((context, next) => {
    context.set('by', actingIn(context, answer.consoleToken ?? null));
    return next();
  });
  importRoute(app, answer.operator);
  app.use(
    bodyLimit({
      maxSize: 1024 * 1024,
      onError: (context) => context.json({ error: 'the request is larger than 1 MB' }, 413),
    }),
  );
  operatorRoutes(app, answer.operator);
  if (answer.recipients) recipientRoutes(app, answer.recipients);
  if (answer.rejections) rejectionRoutes(app, answer.rejections);
  if (answer.applications) applicationRoutes(app, answer.applications);
  if (answer.console) consoleRoutes(app, answer.console, answer.consoleToken ?? null);
  doorRoutes(app, answer.doors, answer.check);
  harvestRoutes(app, answer.harvest);
  if (answer.upkeep) upkeepRoutes(app, answer.upkeep);
  app.get('/v1/status', async (context) => context.json(await answer.status()));
  app.post('/v1/check', async (context) => {
    const body = await readBody(context.req);
    const addresses = body.addresses;
    if (!Array.isArray(addresses) || !addresses.every((item) => typeof item === 'string')) {
      return context.json({ error: '"addresses" must be a list of strings' }, 400);
    }
    return context.json(await answer.check(addresses));
  });
  app.post('/v1/sync', async (context) => {
    const { tenant = null, dry_run: dryRun = false } = await readBody(context.req);
    if (tenant !== null && typeof tenant !== 'string') {
      return context.json({ error: '"tenant" must be a tenant id' }, 400);
    }
    return stream(context, async (out) => {
      let writes: Promise<unknown> = Promise.resolve();
      const line = (value: unknown) => {
        writes = writes.then(() => out.write(`${JSON.stringify(value)}\n`));
      };
      await answer
        .sync(tenant, (progress) => line({ progress }), dryRun === true, context.get('by'))
        .then(
          (reports) => line({ reports }),
          (error: unknown) => line({ error: error instanceof Error ? error.message : String(error) }),
        );
      await writes;
    });
  });
  app.post('/v1/sync/approve', async (context) => {
    const { tenant = null, hash } = await readBody(context.req);
    if (typeof hash !== 'string' || (tenant !== null && typeof tenant !== 'string')) {
      return context.json({ error: '"hash" must be the hash of a held plan, "tenant" a tenant id' }, 400);
    }
    return context.json(await answer.approve(hash, tenant, context.get('by')));
  });
  app.post('/v1/reload', (context) => context.json(answer.reload?.() ?? {}));
  app.get('/v1/discrepancies', async (context) => context.json(await answer.discrepancies()));
  app.get('/metrics', async (context) => context.text(await answer.metrics()));
  app.get('/healthz', (context) => context.text('ok\n'));
  app.get('/readyz', (context) => {
    const readiness = answer.readiness?.() ?? { ready: true };
    return context.json(readiness, readiness.ready ? 200 : 503);
  });
  return app;
}

/**
 * Makes sure that no other daemon uses this socket; a file that a dead one left is removed.
 * @throws Error when somebody answers on it: two daemons must not share one mirror.
 */
export async function claimControlSocket(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (await controlSocketAnswers(path)) throw new Error(`another rcptgate is running: it answers on ${path}`);
  unlinkSync(path);
}

/** Opens the socket at a path that {@link claimControlSocket} has cleared. */
export async function openControlSocket(path: string, answer: ControlFunctions): Promise<ControlServer> {
  const server = createAdaptorServer({ fetch: controlRoutes(answer).fetch }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
  chmodSync(path, 0o660);
  return {
    path,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readBody(request: { json(): Promise<unknown> }): Promise<Record<string, unknown>> {
  const body = await request.json().catch(() => null);
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}

/** Whether a living daemon is behind a socket file. */
export function controlSocketAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
