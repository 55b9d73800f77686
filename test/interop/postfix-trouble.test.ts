/** A real Postfix upstream while the next hop fails in every way: nothing is lost, and nothing arrives twice. */
import { expect, test } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, freePort, startDaemon } from '../daemon.ts';
import { eventually } from './eventually.ts';
import { bigMessage, plainMessage, traceOf, withCrLf } from './messages.ts';
import type { Postfix } from './postfix.ts';
import { interop } from './programs.ts';
import { type HopMessage, type ScriptedHop, startScriptedHop } from './scripted-hop.ts';
import { synced } from './synced.ts';
import { startUpstream } from './upstream.ts';

const ALICE = 'alice@contoso.example';
const BOB = 'bob@contoso.example';
const SALES = 'sales@contoso.example';
const SENDER = 'sender@sender.example';

interop(import.meta.url, ['Postfix'], 'Postfix and a next hop in trouble', () => {
  test('dies in the middle of DATA: the message waits, and arrives exactly once when the hop is back', () =>
    withLine(async (line) => {
      line.hop.script.dieAfter = 100_000;
      const message = bigMessage('hop-dies', 1_000_000);
      await line.upstream.submit(SENDER, [ALICE], message);
      await line.upstream.log(/to=<alice@.*dsn=4\.4\.2.*status=deferred.*451 4\.4\.2/);
      expect(line.hop.transfers).toBe(1);
      expect(await line.upstream.queue()).toHaveLength(1);

      line.hop.script.dieAfter = Number.POSITIVE_INFINITY;
      await line.upstream.flush();
      await line.upstream.emptied();
      arrivedOnce(line, [message]);
    }));

  test('4xx to the dot: passed on with its text, the message waits and arrives exactly once', () =>
    withLine(async (line) => {
      line.hop.script.dot = () => '452 4.3.1 Disk is full today';
      const message = plainMessage('hop-full');
      await line.upstream.submit(SENDER, [ALICE], message);
      await line.upstream.log(/to=<alice@.*dsn=4\.3\.1.*status=deferred.*452 4\.3\.1 Disk is full today/);

      line.hop.script.dot = () => '250 2.0.0 Taken';
      await line.upstream.flush();
      await line.upstream.emptied();
      arrivedOnce(line, [message]);
    }));

  test('5xx to the dot: passed on with its text, and Postfix bounces', () =>
    withLine(async (line) => {
      line.hop.script.dot = () => '554 5.7.1 Content refused by policy';
      await line.upstream.submit(SENDER, [ALICE], plainMessage('hop-refuses'));
      await line.upstream.log(
        /to=<alice@.*dsn=5\.7\.1.*status=bounced.*554 5\.7\.1 Content refused by policy/,
      );
      await line.upstream.emptied();
      const report = await eventually('the report is delivered', () => line.upstream.mailbox()[0]);
      expect(report.toString()).toContain('Content refused by policy');
      expect(line.hop.messages).toEqual([]);
    }));

  test('refuses one of three recipients and defers another: each gets its own fate', () =>
    withLine(async (line) => {
      const answers: Record<string, string> = {
        [BOB]: '550 5.2.1 Mailbox disabled',
        [SALES]: '450 4.2.1 Mailbox busy',
      };
      line.hop.script.rcpt = (address) => answers[address] ?? '250 2.1.5 OK';
      const message = plainMessage('hop-picks');
      await line.upstream.submit(SENDER, [ALICE, BOB, SALES], message);
      await line.upstream.log(/to=<alice@.*status=sent/);
      await line.upstream.log(/to=<bob@.*dsn=5\.2\.1.*status=bounced.*550 5\.2\.1 Mailbox disabled/);
      await line.upstream.log(/to=<sales@.*dsn=4\.2\.1.*status=deferred.*450 4\.2\.1 Mailbox busy/);
      expect(line.hop.messages.map(({ to }) => to)).toEqual([[ALICE]]);

      delete answers[SALES];
      await line.upstream.flush();
      await line.upstream.emptied();
      expect(line.hop.messages.map(({ to }) => to)).toEqual([[ALICE], [SALES]]);
      expect(await line.upstream.lines(1, /status=bounced/)).toHaveLength(1);
    }));

  test('does not answer the dot: deferred, and logged as a possible duplicate', () =>
    withLine(async (line) => {
      line.hop.script.dot = () => null;
      await line.upstream.submit(SENDER, [ALICE], plainMessage('hop-silent'));
      await line.upstream.log(/to=<alice@.*dsn=4\.4\.2.*status=deferred.*451 4\.4\.2/);
      const failed = await line.daemon.logged((entry) => entry.event === 'message.fail');
      expect(failed).toMatchObject({ result: 'deferred', duplicate_possible: true });

      line.hop.script.dot = () => '250 2.0.0 Taken';
      await line.upstream.flush();
      await line.upstream.emptied();
      expect(line.hop.messages).toHaveLength(1);
    }, '[relay]\nfinal_timeout = "1s"'));

  test('is not there at all: deferred at RCPT, delivered when it comes up', async () => {
    const hop = await startScriptedHop();
    await hop[Symbol.asyncDispose]();
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}` }));
    await using upstream = await startUpstream(daemon.port);
    await upstream.submit(SENDER, [ALICE], plainMessage('hop-absent'));
    await upstream.log(/to=<alice@.*dsn=4\.4\.1.*status=deferred.*451 4\.4\.1.*in reply to RCPT TO/);

    await using back = await startScriptedHop(hop.port);
    // A next hop that failed is left alone for a moment, so the first try after that finds it.
    await eventually('the message is delivered', async () => {
      await upstream.flush();
      return back.messages.length > 0;
    });
    await upstream.emptied();
    expect(back.messages).toHaveLength(1);
  });

  test('the gateway itself is killed in the middle of DATA: the message waits, and arrives exactly once', async () => {
    await using hop = await startScriptedHop();
    await using tenant = await startPracticeTenant();
    // A second listener, so that the next daemon can be found at the same place.
    const port = await freePort();
    const more = `[[smtp]]\nlisten = "127.0.0.1:${port}"\nmode = "relay"`;
    const start = () => synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}`, more }));
    await using upstream = await startUpstream(port);
    const message = bigMessage('gateway-dies', 5_000_000);
    hop.script.holdAfter = 100_000;
    await using killed = await start();
    await upstream.submit(SENDER, [ALICE], message);
    await eventually('the body is on its way', () => hop.held === 1);
    await killed.end('SIGKILL');
    await upstream.log(/to=<alice@.*dsn=4\.4\.2.*status=deferred \(lost connection/);

    hop.script.holdAfter = Number.POSITIVE_INFINITY;
    await using _next = await start();
    await upstream.flush();
    await upstream.emptied();
    arrivedOnce({ hop, upstream }, [message]);
  });
});

interface Line {
  readonly upstream: Postfix;
  readonly daemon: Daemon;
  readonly hop: ScriptedHop;
}

/** Runs a test with Postfix, the gateway and a scripted next hop in a row. */
async function withLine(body: (line: Line) => Promise<void>, more = ''): Promise<void> {
  await using hop = await startScriptedHop();
  await using tenant = await startPracticeTenant();
  await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}`, more }));
  await using upstream = await startUpstream(daemon.port);
  await body({ upstream, daemon, hop });
}

/** The next hop has each message once, as it was sent, and the sender has no report. */
function arrivedOnce({ hop, upstream }: Pick<Line, 'hop' | 'upstream'>, sent: readonly Buffer[]): void {
  expect(hop.messages).toHaveLength(sent.length);
  for (const [index, message] of sent.entries()) {
    traceOf((hop.messages[index] as HopMessage).bytes, withCrLf(message));
  }
  expect(upstream.logged(/status=bounced/)).toEqual([]);
  expect(upstream.mailbox()).toEqual([]);
}
