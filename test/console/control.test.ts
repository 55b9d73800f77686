/** The control socket: what it answers, what it refuses, and who may own it. */
import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type ControlFunctions,
  claimControlSocket,
  controlRoutes,
  openControlSocket,
} from '../../src/console/control.ts';
import { controlClient, DaemonUnreachable } from '../../src/console/control-client.ts';
import type { ImportRequest } from '../../src/console/operator-routes.ts';
import { SILENT_DOORS, SILENT_OPERATOR } from './operator.ts';
import { NO_RECIPIENTS } from './recipients.ts';

const answers: ControlFunctions = {
  status: async () => ({ version: '1' }),
  check: async (addresses) => addresses.map((address) => ({ address })),
  sync: async (tenant, progress) => {
    progress({ stream: 'users', entries: 1 });
    if (tenant === 'broken') throw new Error('no such tenant: broken');
    return [{ tenant, outcome: 'ok' }];
  },
  approve: async (hash, tenant) => ({ ok: hash === 'a1b2', tenant }),
  discrepancies: async () => [{ domain: 'b.example' }],
  metrics: async () => 'rcptgate_x 1\n',
  operator: SILENT_OPERATOR,
  recipients: NO_RECIPIENTS,
  doors: SILENT_DOORS,
  harvest: { state: () => ({ limit: 100 }), reset: (client) => ({ reset: [client] }) },
};

function socketPath(): string {
  return path.join(mkdtempSync(path.join(os.tmpdir(), 'rcptgate-control-')), 'control.sock');
}

async function lines(source: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const line of source) all.push(line);
  return all;
}

describe('who asks', () => {
  const seen: unknown[] = [];
  const operator = {
    ...SILENT_OPERATOR,
    addOverride: async (_given: unknown, by: unknown) => {
      seen.push(by);
      return { ok: true };
    },
  };
  const acting = (headers: Readonly<Record<string, string>>, consoleToken: string | null) =>
    controlRoutes({ ...answers, operator, consoleToken }).request('/v1/overrides', {
      method: 'POST',
      body: '{}',
      headers,
    });
  const named = { 'x-console-who': encodeURIComponent('Ada 山田'), 'x-console-from': '192.0.2.1' };
  const COMMAND = { who: 'control socket', from: null };

  it.each([
    ['a command', {}, 'right', COMMAND],
    [
      'the console',
      { ...named, 'x-console-token': 'right' },
      'right',
      { who: 'Ada 山田', from: '192.0.2.1' },
    ],
    ['somebody without the token', named, 'right', COMMAND],
    ['somebody with another', { ...named, 'x-console-token': 'wrong' }, 'right', COMMAND],
    ['somebody when there is no console', { ...named, 'x-console-token': '' }, null, COMMAND],
    [
      'the console with a broken name',
      { 'x-console-token': 'right', 'x-console-who': '%E0%A4' },
      'right',
      { who: '%E0%A4', from: null },
    ],
  ])('%s', async (_name, headers, token, by) => {
    await acting(headers as Record<string, string>, token);
    expect(seen.at(-1)).toEqual(by);
  });
});

describe('the control socket', () => {
  it('answers over a socket that only owner and group may open', async () => {
    const file = socketPath();
    await using _server = await openControlSocket(file, answers);
    const client = controlClient(file);
    expect(await client.get('/v1/status')).toEqual({ version: '1' });
    expect(await client.post('/v1/check', { addresses: ['a', 'b'] })).toEqual([
      { address: 'a' },
      { address: 'b' },
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o660);
  });

  it('streams progress before the reports, and an error as a line', async () => {
    const file = socketPath();
    await using _server = await openControlSocket(file, answers);
    const client = controlClient(file);
    const progress = { progress: { stream: 'users', entries: 1 } };
    expect(await lines(client.postLines('/v1/sync', { tenant: null }))).toEqual([
      progress,
      { reports: [{ tenant: null, outcome: 'ok' }] },
    ]);
    expect(await lines(client.postLines('/v1/sync', { tenant: 'broken' }))).toEqual([
      progress,
      { error: 'no such tenant: broken' },
    ]);
  });

  it('shows the harvest guard and resets it', async () => {
    const app = controlRoutes(answers);
    expect(await (await app.request('/v1/harvest')).json()).toEqual({ limit: 100 });
    const reset = (body: unknown) =>
      app.request('/v1/harvest/reset', { method: 'POST', body: JSON.stringify(body) });
    expect(await (await reset({ client: '192.0.2.1' })).json()).toEqual({ reset: ['192.0.2.1'] });
    expect(await (await reset({})).json()).toEqual({ reset: [null] });
    expect((await reset({ client: 7 })).status).toBe(400);
  });

  it('refuses a body of another form with a clear word', async () => {
    const file = socketPath();
    await using _server = await openControlSocket(file, answers);
    await expect(controlClient(file).post('/v1/check', { addresses: [1] })).rejects.toThrow(
      'the daemon answered 400: "addresses" must be a list of strings',
    );
    const noJson = await controlRoutes(answers).request('/v1/check', { method: 'POST', body: 'no json' });
    expect(noJson.status).toBe(400);
  });

  it('takes a list of any size up to 256 MB as it is, and nothing else that large', async () => {
    const file = socketPath();
    const asked: ImportRequest[] = [];
    const operator = {
      ...SILENT_OPERATOR,
      importList: async (request: ImportRequest) => asked.push(request),
    };
    await using _server = await openControlSocket(file, { ...answers, operator });
    const list = Buffer.alloc(3 * 1024 * 1024, 'x');
    const client = controlClient(file);
    await client.post('/v1/import?file=a%20b.csv&dry_run=1&force=', list);
    await client.post('/v1/import?file=b.csv&tenant=T&dry_run=&force=1', Buffer.from('y'));
    expect(asked.map(({ list, ...request }) => [request, list.length])).toEqual([
      [{ tenant: null, file: 'a b.csv', dryRun: true, force: false }, list.length],
      [{ tenant: 'T', file: 'b.csv', dryRun: false, force: true }, 1],
    ]);
    await expect(client.post('/v1/import', list)).rejects.toThrow('"file" must name the imported file');
    await expect(client.post('/v1/overrides/remove', {})).rejects.toThrow('"match" must be a string');
    const large = await controlRoutes(answers).request('/v1/overrides', { method: 'POST', body: list });
    expect([large.status, await large.json()]).toEqual([413, { error: 'the request is larger than 1 MB' }]);
  });

  it('serves metrics as text', async () => {
    expect(await (await controlRoutes(answers).request('/metrics')).text()).toBe('rcptgate_x 1\n');
  });

  it('replaces a file left behind, but never a living daemon', async () => {
    const file = socketPath();
    writeFileSync(file, '');
    await claimControlSocket(file);
    await using _server = await openControlSocket(file, answers);
    await expect(claimControlSocket(file)).rejects.toThrow('another rcptgate is running');
  });

  it('says that nobody answers', async () => {
    const file = socketPath();
    await expect(controlClient(file).get('/v1/status')).rejects.toThrow(DaemonUnreachable);
  });
});
