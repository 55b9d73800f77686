/** The practice tenant: a local Entra ID and Microsoft Graph over TLS, on one port of this machine. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { accessTokens } from './access-token.ts';
import type { PracticeApplication } from './application.ts';
import type { Identity } from './certificate.ts';
import { createServerIdentity } from './certificate.ts';
import type { Outlet } from './delivery.ts';
import { deliver, replyUnder, statusUnder } from './delivery.ts';
import type { PracticeDirectory } from './directory.ts';
import { entraReply } from './entra.ts';
import { graphReply } from './graph-api.ts';
import { openKeepsake } from './keepsake.ts';
import { portalReply } from './portal.ts';
import type { Registration } from './registration.ts';
import { practiceRegistration } from './registration.ts';
import type { Call, RoutedReply } from './reply.ts';
import { callOf } from './reply.ts';
import type { PracticeRequest, RequestRecord } from './request-record.ts';
import { requestRecord } from './request-record.ts';
import type { PracticeAccount } from './sign-in/accounts.ts';
import type { SigningKeys } from './signing-keys.ts';
import { signingKeys } from './signing-keys.ts';
import type { PracticeSwitches } from './switches.ts';
import type { TenantState } from './tenant-state.ts';
import { epochOf, tenantState } from './tenant-state.ts';

export interface PracticeOptions {
  /** 127.0.0.1 unless given. */
  readonly host?: string;
  /** Unless given, the port of the last start with the same {@link PracticeOptions.stateDir}, or any free one. */
  readonly port?: number;
  readonly seed?: number;
  /** Generated users on top of the named ones; a tenth as many groups and a twentieth as many contacts follow. */
  readonly users?: number;
  readonly tenantId?: string;
  readonly applicationId?: string;
  readonly secret?: string;
  /** How far an administrator has come with the application; `consented` unless given. */
  readonly registration?: Registration;
  /** Keeps the CA, the keys and the directory's changes here, so that a restart goes on where it stopped. */
  readonly stateDir?: string;
  /** What time it is, ms since 1970; for tokens and their ages. */
  readonly now?: () => number;
}

export interface PracticeTenant extends AsyncDisposable {
  /** Base of the sign-in endpoints: `https://localhost:PORT`. */
  readonly login: string;
  /** Base of Graph; the same origin. */
  readonly graph: string;
  /** The CA that signed the server's certificate. */
  readonly caPem: string;
  readonly tenantId: string;
  readonly applicationId: string;
  readonly secret: string;
  /** The registration with its credentials, which may be added to and removed. */
  readonly application: PracticeApplication;
  /** Who can sign in; their roles may be changed. */
  readonly accounts: PracticeAccount[];
  /** The keys of tokens: `rotate()` and `dropOld()`. */
  readonly signing: SigningKeys;
  /** The tenant's true state. */
  readonly directory: PracticeDirectory;
  readonly switches: PracticeSwitches;
  /** The last requests, oldest first. */
  readonly requests: PracticeRequest[];
  /** Requests of every route since the start. */
  readonly counts: ReadonlyMap<string, number>;
  /** Signs a token of any content with the tenant's key, for tokens that are wrong on purpose. */
  signToken(claims: Record<string, unknown>): Promise<string>;
  /** Opens the same port again after {@link PracticeTenant.close}. */
  listen(): Promise<void>;
  /** Switches the tenant off: the port is closed and every connection destroyed; its state stays. */
  close(): Promise<void>;
}

const DEFAULTS = {
  host: '127.0.0.1',
  port: 0,
  seed: 1,
  users: 0,
  tenantId: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  applicationId: '6731de76-14a6-49ae-97bc-6eba6914391e',
  secret: 'practice~secret.not-for-production',
  registration: 'consented' as const,
  now: Date.now,
};

/** Starts a practice tenant. Clients must trust {@link PracticeTenant.caPem}. */
export async function startPracticeTenant(options: PracticeOptions = {}): Promise<PracticeTenant> {
  const { host, port, seed, users, tenantId, applicationId, secret, registration, now } = {
    ...DEFAULTS,
    ...options,
  };
  const keepsake = openKeepsake(options.stateDir, epochOf(seed, users));
  const { application, switches } = practiceRegistration(registration, { applicationId, secret, now });
  const signing = signingKeys(keepsake.signing);
  const tokens = accessTokens(tenantId, signing, now);
  const state = tenantState({ tenantId, application, tokens, signing, now, seed, users, keepsake, switches });
  const record = requestRecord();
  const ipv4 = host === '127.0.0.1' ? [host] : ['127.0.0.1', ...(/^[\d.]+$/.test(host) ? [host] : [])];
  const identity = createServerIdentity(keepsake.authority, { dns: ['localhost'], ipv4 });
  const door = doorOf(identity, state, record);
  const last = port === 0 ? keepsake.port : undefined;
  const opened = last === undefined ? await door.open(host, port) : await openAgain(door, host, last);
  keepsake.rememberPort(opened);
  const origin = `https://localhost:${opened}`;
  return {
    login: origin,
    graph: origin,
    caPem: keepsake.authority.certPem,
    tenantId,
    applicationId,
    secret,
    application,
    accounts: state.accounts,
    signing,
    directory: state.directory,
    switches: state.switches,
    requests: record.requests,
    counts: record.counts,
    signToken: (claims) => tokens.sign(claims),
    async listen() {
      await door.open(host, opened);
    },
    close: () => door.close(),
    [Symbol.asyncDispose]: () => door.close(),
  };
}

/** The port of the last start, or any other when somebody else has it now. */
async function openAgain(door: ReturnType<typeof doorOf>, host: string, port: number): Promise<number> {
  try {
    return await door.open(host, port);
  } catch {
    return await door.open(host, 0);
  }
}

/** The listening side: closed and opened again any number of times. */
function doorOf(identity: Identity, state: TenantState, record: RequestRecord) {
  const sockets = new Map<number | undefined, Socket>();
  let server: Server | null = null;
  return {
    async open(host: string, port: number): Promise<number> {
      if (server !== null) return portOf(server);
      const opening = createServer({ cert: identity.certPem, key: identity.keyPem }, (request, response) => {
        const reset = (): void => void sockets.get(request.socket.remotePort)?.resetAndDestroy();
        void answer(request, { response, reset }, state, record);
      });
      // Longer than any client keeps an idle connection, so that none is closed under a request.
      opening.keepAliveTimeout = 120_000;
      opening.on('connection', (socket: Socket) => {
        const { remotePort } = socket;
        sockets.set(remotePort, socket);
        socket.once('close', () => {
          if (sockets.get(remotePort) === socket) sockets.delete(remotePort);
        });
      });
      opening.listen(port, host);
      await once(opening, 'listening');
      server = opening;
      return portOf(opening);
    },
    async close(): Promise<void> {
      const closing = server;
      server = null;
      if (closing === null) return;
      const closed = once(closing, 'close');
      closing.close();
      // Connections in the middle of a TLS handshake are not among the server's own list.
      for (const socket of sockets.values()) socket.destroy();
      await closed;
    },
  };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function answer(
  request: IncomingMessage,
  outlet: Outlet,
  state: TenantState,
  record: RequestRecord,
): Promise<void> {
  const path = request.url ?? '/';
  try {
    const call = await readCall(request, path);
    const reply = await replyTo(state, call);
    const fault = state.switches.faults.take({ route: reply.route, path, page: reply.page?.number });
    if (reply.page?.delta) await state.switches.passGates(reply.page.stream, reply.page.number);
    const sent = replyUnder(fault, reply, { state, call });
    const { method } = call;
    record.add({ method, path, route: reply.route, status: statusUnder(fault, sent), at: state.now() });
    await deliver(sent, fault, outlet);
  } catch {
    // A request that was cut off, or a mistake of ours: either way the client sees a broken connection.
    outlet.response.destroy();
  }
}

async function readCall(request: IncomingMessage, path: string): Promise<Call> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const url = new URL(path, `https://${request.headers.host ?? 'localhost'}`);
  return callOf(request.method ?? 'GET', url, request.headers, Buffer.concat(chunks).toString());
}

async function replyTo(state: TenantState, call: Call): Promise<RoutedReply> {
  const reply =
    portalReply(state, call) ?? (await entraReply(state, call)) ?? (await graphReply(state, call));
  return reply ?? { status: 404, route: 'unknown', body: { error: { code: 'NotFound', message: '' } } };
}
