/** Events: the line and the counter together, and no way for a client's text to mislead a reader. */
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEvents, type Events, type RecipientEvent } from '../../src/ops/events.ts';
import { openLog } from '../../src/ops/log.ts';
import { createMetrics, type Metrics } from '../../src/ops/metrics.ts';

/** Runs `act` against a real log and returns its lines as text. */
async function logged(act: (events: Events, metrics: Metrics) => void, level: 'debug' | 'info' = 'debug') {
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'rcptgate-log-')), 'log');
  const fd = openSync(file, 'w');
  const metrics = createMetrics();
  const log = openLog(level, fd);
  act(createEvents(log.logger, metrics), metrics);
  await log[Symbol.asyncDispose]();
  closeSync(fd);
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return { lines, metrics };
}

const UNKNOWN: RecipientEvent = {
  verdict: {
    action: 'reject',
    reason: 'unknown',
    domain: 'contoso.example',
    tenant: 't1',
    nextHop: '127.0.0.1:2526',
    directoryAge: 65_400,
  },
  reply: { code: 550, enhanced: '5.1.1', text: 'No such recipient here [ref 7F3K2Q]' },
  ref: '7F3K2Q',
  mode: 'relay',
  session: 's1',
  client: { address: '192.0.2.1' },
  tls: 'TLSv1.3',
  nextHopReply: null,
  durationMs: 0.12345,
  helo: '","event":"rcpt.accept","client":"203.0.113.9',
  mailFrom: 'me@sender.example\n{"event":"rcpt.accept"}',
  rcpt: 'nobody@contoso.example',
};

describe('a rejection', () => {
  it('is one flat line with fixed fields, the client chosen ones last', async () => {
    const { lines } = await logged((events) => events.recipient(UNKNOWN));
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '');
    expect(Object.entries(line).slice(2)).toEqual(
      Object.entries({
        event: 'rcpt.reject',
        ref: '7F3K2Q',
        verdict: 'reject',
        reason: 'unknown',
        code: 550,
        client: '192.0.2.1',
        real_client: '192.0.2.1',
        tls: 'TLSv1.3',
        domain: 'contoso.example',
        tenant: 't1',
        directory_age: 65,
        source: 'relay',
        session: 's1',
        ms: 0.123,
        helo: UNKNOWN.helo,
        mail_from: UNKNOWN.mailFrom,
        rcpt: UNKNOWN.rcpt,
      }),
    );
    expect(lines[0]).toMatch(
      /^\{"level":"warn","time":"\d{4}-\d\d-\d\dT[^"]+","event":"rcpt\.reject","ref":"7F3K2Q"/,
    );
  });

  it('is counted with bounded labels', async () => {
    const { metrics } = await logged((events) => {
      events.recipient(UNKNOWN);
      events.recipient(UNKNOWN);
    });
    expect(await metrics.registry.metrics()).toContain(
      'rcptgate_rcpt_verdicts_total{verdict="reject",reason="unknown",tenant="t1"} 2',
    );
  });
});

describe('lookups', () => {
  it('count every outcome, and log who was found and what went wrong', async () => {
    const { lines, metrics } = await logged((events) => {
      events.lookupAnswered('t1', 'absent');
      events.lookupAnswered('t1', 'absent');
      events.lookupFound('t1', 'zoe@contoso.example', 12.3456);
      events.lookupTrouble('t1', { code: 'http-500', message: 'm', hint: '' });
    });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'info', event: 'lookup.found', tenant: 't1', ms: 12.346, address: 'zoe@contoso.example' },
      { level: 'warn', event: 'lookup.trouble', tenant: 't1', error: { code: 'http-500' } },
    ]);
    expect(await metrics.registry.metrics()).toContain(
      'rcptgate_lookups_total{tenant="t1",outcome="absent"} 2',
    );
  });
});

describe('levels', () => {
  const accept = (reason: string, code = 250): RecipientEvent => ({
    ...UNKNOWN,
    verdict: { ...UNKNOWN.verdict, action: 'accept', reason },
    reply: { code, enhanced: null, text: '' },
  });

  it.each([
    ['known', 250, 'debug', 'rcpt.accept'],
    ['imported', 250, 'debug', 'rcpt.accept'],
    ['observed-unknown', 250, 'info', 'rcpt.accept'],
    ['grace', 250, 'info', 'rcpt.accept'],
    ['known', 550, 'warn', 'rcpt.reject'],
    ['known', 451, 'warn', 'rcpt.defer'],
  ])('%s answered %i is %s %s', async (reason, code, level, event) => {
    const { lines } = await logged((events) => events.recipient(accept(reason, code)));
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level, event, verdict: 'accept', reason });
  });

  it('leaves ordinary accepts out at info', async () => {
    const { lines } = await logged((events) => events.recipient(accept('known')), 'info');
    expect(lines).toEqual([]);
  });

  it.each([
    ['ok', 0, 'info'],
    ['failed', 0, 'warn'],
    ['partial', 0, 'warn'],
    ['ok', 3, 'warn'],
  ])('a round %s with %i held is %s', async (outcome, held, level) => {
    const round = {
      tenant: 't1',
      outcome,
      durationMs: 5,
      addresses: 1,
      added: 0,
      removed: 0,
      held,
      streams: [],
    };
    const { lines, metrics } = await logged((events) => events.syncRound(round));
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level, event: 'sync.round', outcome, held });
    expect(await metrics.registry.metrics()).toContain(
      `rcptgate_sync_rounds_total{tenant="t1",outcome="${outcome}"} 1`,
    );
  });
});

describe('a message', () => {
  it('that failed says whether it may arrive twice', async () => {
    const { lines, metrics } = await logged((events) =>
      events.message({
        result: 'deferred',
        reply: { code: 451, enhanced: '4.4.2', text: 'Next hop closed the connection' },
        ref: 'ABCDEF',
        message: 'm1',
        session: 's1',
        client: { address: '192.0.2.1' },
        nextHop: '127.0.0.1:2526',
        nextHopReply: null,
        recipients: 1,
        bytes: 10,
        durationMs: 3,
        duplicatePossible: true,
        mailFrom: '',
      }),
    );
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'warn',
      event: 'message.fail',
      ref: 'ABCDEF',
      duplicate_possible: true,
    });
    expect(await metrics.registry.metrics()).toContain('rcptgate_relay_messages_total{result="deferred"} 1');
  });
});

const ME = { who: 'me', from: '192.0.2.9' };

describe('what an operator changes', () => {
  it('is logged with who did it, what the operator wrote last', async () => {
    const override = { match: 'a@b.example', action: 'deny', text: 'T', note: 'N', expires: 0 };
    const done = {
      tenant: 't1',
      addresses: 3,
      added: 2,
      removed: 1,
      foreign: 4,
      forced: false,
      file: 'r.csv',
    };
    const { lines } = await logged((events) => {
      events.overrideAdd(ME, override, true);
      events.overrideRemove(ME, { ...override, expires: null });
      events.importDone(ME, done);
      events.syncRequest(ME, null, true);
      events.syncApprove(ME, 'a1b2', 't1', 7);
    });
    const own = {
      action: 'deny',
      expires: '1970-01-01T00:00:00.000Z',
      match: 'a@b.example',
      text: 'T',
      note: 'N',
    };
    const written = lines.map((line) => Object.entries(JSON.parse(line)).slice(2));
    expect(written).toEqual(
      [
        { event: 'override.add', ...ME, replaced: true, ...own },
        { event: 'override.remove', ...ME, ...own, expires: null },
        { event: 'import.done', ...ME, ...done },
        { event: 'sync.request', ...ME, tenant: null, dry_run: true },
        { event: 'sync.approve', ...ME, tenant: 't1', plan: 'a1b2', addresses: 7 },
      ].map((line) => Object.entries(line)),
    );
  });
});

describe('a credential', () => {
  const END = Date.UTC(2028, 10, 1);
  const gauge = `rcptgate_credential_expiry_timestamp_seconds{tenant="t1"} ${END / 1000}`;

  it.each([
    ['use', 'secret', 'file', END, 'info', true],
    ['use', 'secret', 'kept', END, 'warn', true],
    ['use', 'secret', 'file', null, 'info', false],
    ['use', 'assertion', 'file', END, 'info', false],
    ['expiry', 'certificate', 'file', END, 'warn', true],
  ] as const)(
    '%s of a %s from %s ending at %j is %s',
    async (event, kind, source, expires, level, measured) => {
      const days = event === 'expiry' ? { days: 14 } : {};
      const { lines, metrics } = await logged((events) =>
        events.credential('t1', { event, kind, source, expires, ...days }),
      );
      expect(JSON.parse(lines[0] ?? '')).toEqual({
        level,
        time: expect.any(String),
        event: `credential.${event}`,
        tenant: 't1',
        kind,
        source,
        expires: expires === null ? null : '2028-11-01T00:00:00.000Z',
        ...days,
      });
      expect((await metrics.registry.metrics()).includes(gauge)).toBe(measured);
    },
  );

  it('without a known end takes the gauge away', async () => {
    const { metrics } = await logged((events) => {
      for (const expires of [END, null]) {
        events.credential('t1', { event: 'use', kind: 'secret', source: 'file', expires });
      }
    });
    expect(await metrics.registry.metrics()).not.toContain('timestamp_seconds{tenant="t1"}');
  });

  it('in trouble says what to do', async () => {
    const error = { code: 'secret-empty', message: 'empty', hint: 'Write it.' };
    const { lines } = await logged((events) => events.credential('t1', { event: 'trouble', ...error }));
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', event: 'credential.trouble', error });
  });
});

describe('a directory', () => {
  it('moves its gauges when it is published', async () => {
    const { metrics } = await logged((events) => events.directoryPublish('t1', 42, 1, 1_700_000_000_000));
    const text = await metrics.registry.metrics();
    expect(text).toContain('rcptgate_directory_addresses{tenant="t1"} 42');
    expect(text).toContain('rcptgate_directory_synced_timestamp_seconds{tenant="t1"} 1700000000');
  });
});
