/**
 * What trouble costs: a full disk, a state directory that became read-only, a clock that jumps, thousands of idle connections, and a
 * flood of rejections for a minute, against the real daemon with a practice tenant and next hop. Prints one table.
 *
 *   node scripts/setup.mjs && node scripts/measure-endurance.mjs [--seconds 60] [--rate 1000] [--idle 5000]
 *
 * Full disk and read-only directory need root for a small tmpfs, the clock needs Debian's libfaketime; without them a row
 * says that it was left out. In every row each refusal is counted in four places: by the client, in the log, in the metrics,
 * and in the rejection log. The exit code is 1 when mail did not flow, these counts differ, or memory grew beyond its bound.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startPracticeNextHop } from '../dist/practice/next-hop.js';
import { startPracticeTenant } from '../dist/practice/tenant-server.js';
import { askRecipient, openSession, sendMessage, startGateway, until } from './endurance/gateway.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '1000' },
    idle: { type: 'string', default: '5000' },
  },
});
const [SECONDS, RATE, IDLE] = [Number(values.seconds), Number(values.rate), Number(values.idle)];
const FAKETIME = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find((file) => existsSync(file));

const tenant = await startPracticeTenant();
let delivered = 0;
const hop = await startPracticeNextHop({
  onMessage: () => {
    delivered += 1;
  },
});
const scratch = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-endurance-'));
const rows = [];
let failed = false;

/** One row; `good` false fails the run. */
function row(name, good, ...facts) {
  failed ||= good === false;
  console.error(`${name}: ${facts.join('; ')}`);
  rows.push([name, good === null ? 'left out' : good ? 'yes' : 'NO', facts.join('; ')]);
}

/** What memory may grow by while something goes wrong, MB: waiting log lines and answers have bounds of their own. */
const GROWTH = 150;
const mb = (value) => `${value.toFixed(0)} MB`;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `work` with a gateway that has learnt; the log when it has ended, to be counted. */
async function withGateway(name, options, work) {
  const folder = path.join(scratch, name);
  mkdirSync(folder);
  const logFile = options.logFile ?? path.join(folder, 'rcptgate.log');
  const gateway = await startGateway({
    tenant,
    hop,
    folder: options.stateDir ?? folder,
    files: folder,
    logFile,
    ...options,
  });
  try {
    await until('the first round', async () => {
      const code = await askRecipient(gateway.port, 'alice@contoso.example');
      gateway.deferred += code === 451 ? 1 : 0;
      return code === 250;
    });
    await work(gateway, logFile);
  } catch (error) {
    row(name, false, error.message);
  } finally {
    await gateway.end();
  }
  return logFile;
}

/** Refused recipients in the log: lines, and the counts of sums. */
function loggedRejections(logFile) {
  const text = readFileSync(logFile, 'utf8');
  const lines = text.split('\n').filter((line) => line.includes('"event":"rcpt.reject"')).length;
  const sums = [...text.matchAll(/"event":"rcpt\.aggregate","count":(\d+)/g)].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
  return { lines, sums };
}

/** Messages and refusals, one after the other: messages delivered, recipients refused. */
async function traffic(gateway, messages, refusals) {
  let [mail, refused] = [0, 0];
  for (let count = 0; count < messages; count += 1) if ((await sendMessage(gateway.port)) === 250) mail += 1;
  for (let count = 0; count < refusals; count += 1)
    if ((await askRecipient(gateway.port, `stranger${count}@contoso.example`)) === 550) refused += 1;
  return { mail, refused };
}

/** What the gateway itself counted, once its rejection log has caught up with those that were refused or deferred. */
async function counted(gateway, refused) {
  const answers = refused + gateway.deferred;
  const kept = async () =>
    (await gateway.metric('rcptgate_rejection_log_answers_total', '"kept"')) +
    (await gateway.metric('rcptgate_rejection_log_answers_total', '"aggregated"'));
  await until('the rejection log has everything', async () => (await kept()) >= answers, 60_000);
  const verdicts = await gateway.metric('rcptgate_rcpt_verdicts_total', 'reason="unknown"');
  return { verdicts, ledger: await kept(), answers };
}

/** Whether all agree on how many were refused, and in words. */
function agree(logFile, refused, { verdicts, ledger, answers }) {
  const { lines, sums } = loggedRejections(logFile);
  const good = lines + sums === refused && verdicts === refused && ledger === answers;
  const log = `log ${lines} lines + ${sums} in sums`;
  const others = answers === refused ? '' : ` with ${answers - refused} deferred`;
  return {
    good,
    words: `${refused} refused = ${log}, counter ${verdicts}, rejection log ${ledger}${others}`,
  };
}

async function flood() {
  let asked = 0;
  let mail = 0;
  let messages = 0;
  let memory = [0, 0];
  let own = { verdicts: 0, ledger: 0, answers: 0 };
  const logFile = await withGateway('flood', {}, async (gateway) => {
    const start = gateway.rss();
    const sessions = await Promise.all(Array.from({ length: 20 }, () => openSession(gateway.port)));
    await Promise.all(sessions.map((session) => session.ask('MAIL FROM:<>')));
    let peak = start;
    const began = performance.now();
    for (let tick = 0; tick < SECONDS * 10; tick += 1) {
      const due = began + tick * 100;
      if (due > performance.now()) await pause(due - performance.now());
      await Promise.all(
        sessions.map(async (session, index) => {
          for (let each = 0; each < RATE / 10 / sessions.length; each += 1) {
            const number = asked;
            asked += 1;
            const code = await session.ask(`RCPT TO:<nobody${number}-${index}@contoso.example>`);
            if (code === 452) await session.ask('RSET').then(() => session.ask('MAIL FROM:<>'));
            if (code !== 550) asked -= 1;
          }
        }),
      );
      if (tick % 10 === 0) {
        messages += 1;
        if ((await sendMessage(gateway.port)) === 250) mail += 1;
        peak = Math.max(peak, gateway.rss());
      }
    }
    memory = [start, peak];
    for (const session of sessions) session.close();
    own = await counted(gateway, asked);
  });
  const books = agree(logFile, asked, own);
  row(
    `${RATE} rejections/s for ${SECONDS} s`,
    books.good && mail === messages && memory[1] - memory[0] < GROWTH,
    books.words,
    `mail ${mail} of ${messages}`,
    `memory ${mb(memory[0])}, at most ${mb(memory[1])}`,
  );
}

async function idle() {
  let finish = () => undefined;
  const logFile = await withGateway('idle', {}, async (gateway) => {
    const before = gateway.rss();
    const sockets = [];
    for (let made = 0; made < IDLE; made += 250) {
      const batch = Array.from({ length: Math.min(250, IDLE - made) }, () =>
        net.connect(gateway.port, '127.0.0.1'),
      );
      sockets.push(...batch);
      await Promise.all(
        batch.map(
          (socket) => new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject)),
        ),
      );
    }
    const held = await gateway.metric('rcptgate_smtp_sessions');
    const full = gateway.rss();
    const times = [];
    let mail = 0;
    for (let count = 0; count < 100; count += 1) {
      const began = performance.now();
      if ((await sendMessage(gateway.port)) === 250) mail += 1;
      times.push(performance.now() - began);
    }
    times.sort((a, b) => a - b);
    const { refused } = await traffic(gateway, 0, 100);
    const own = await counted(gateway, refused);
    for (const socket of sockets) socket.destroy();
    await until('the sessions are gone', async () => (await gateway.metric('rcptgate_smtp_sessions')) < 10);
    finish = (logFile) => {
      const books = agree(logFile, refused, own);
      row(
        `${IDLE} idle connections`,
        books.good && refused === 100 && mail === 100 && held >= IDLE && full - before < GROWTH,
        `${held} sessions, ${(((full - before) * 1024) / IDLE).toFixed(1)} KB each`,
        `mail ${mail} of 100, p50 ${times[50].toFixed(1)} ms, p99 ${times[98].toFixed(1)} ms`,
        books.words,
        `memory ${mb(before)}, with them ${mb(full)}`,
      );
    };
  });
  finish(logFile);
}

/** A small file system of its own; null when that is not permitted. */
function smallDisk(name) {
  const folder = path.join(scratch, `${name}-disk`);
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0755', 'tmpfs', folder], { stdio: 'ignore' });
    return folder;
  } catch {
    return null;
  }
}

/** A bind mount may lie over the first one. */
function unmount(folder) {
  for (let mounted = true; mounted; ) {
    try {
      execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
    } catch {
      mounted = false;
    }
  }
}

/** The disk of the state directory and of the log. */
async function fullDisk() {
  const folder = smallDisk('full');
  if (folder === null) return row('disk full', null, 'a tmpfs cannot be mounted here');
  try {
    let finish = () => undefined;
    const onDisk = { stateDir: folder, logFile: path.join(folder, 'rcptgate.log') };
    const logFile = await withGateway('full', onDisk, async (gateway) => {
      const before = gateway.rss();
      const fill = path.join(folder, 'fill');
      try {
        for (let size = 256 * 1024; ; size = Math.max(size >> 1, 1)) for (;;) if (!more(fill, size)) break;
      } catch {
        // Not a byte is left.
      }
      const { mail, refused } = await traffic(gateway, 50, 200);
      const round = await gateway.run('sync');
      const still = await askRecipient(gateway.port, 'alice@contoso.example');
      const full = gateway.rss();
      rmSync(fill);
      const own = await counted(gateway, refused);
      const after = await gateway.run('sync');
      finish = (file) => {
        const books = agree(file, refused, own);
        row(
          'disk full, of the state and of the log',
          books.good &&
            mail === 50 &&
            refused === 200 &&
            still === 250 &&
            after === 0 &&
            full - before < GROWTH,
          `mail ${mail} of 50, known after a round (exit ${round}): ${still}`,
          `with space again: sync exit ${after}, ${books.words}`,
          `memory ${mb(before)}, ${mb(full)}`,
        );
      };
    });
    finish(logFile);
  } finally {
    unmount(folder);
  }
}

/** Appends `size` bytes; whether they found room. @throws Error when a single byte does not. */
function more(file, size) {
  try {
    writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
    return true;
  } catch (error) {
    if (size === 1) throw error;
    return false;
  }
}

async function readOnly() {
  const folder = smallDisk('readonly');
  if (folder === null) return row('read-only state directory', null, 'a tmpfs cannot be mounted here');
  try {
    let finish = () => undefined;
    const logFile = await withGateway('readonly', { stateDir: folder }, async (gateway) => {
      const before = gateway.rss();
      // Files that are open for writing keep a file system writable; the flag on a bind mount does not ask.
      execFileSync('mount', ['--bind', folder, folder]);
      execFileSync('mount', ['-o', 'remount,bind,ro', folder]);
      const { mail, refused } = await traffic(gateway, 50, 200);
      const [round, ready] = [await gateway.run('sync'), await gateway.ready()];
      const known = await askRecipient(gateway.port, 'alice@contoso.example');
      const full = gateway.rss();
      execFileSync('mount', ['-o', 'remount,bind,rw', folder]);
      const own = await counted(gateway, refused);
      const after = await gateway.run('sync');
      finish = (file) => {
        const books = agree(file, refused, own);
        row(
          'state directory read-only',
          books.good &&
            mail === 50 &&
            refused === 200 &&
            known === 250 &&
            after === 0 &&
            full - before < GROWTH,
          `mail ${mail} of 50, readyz ${ready}, known after a round (exit ${round}): ${known}`,
          `writable again: sync exit ${after}, ${books.words}`,
          `memory ${mb(before)}, ${mb(full)}`,
        );
      };
    });
    finish(logFile);
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    const again = path.join(scratch, 'readonly-start');
    mkdirSync(again);
    const logAgain = path.join(again, 'rcptgate.log');
    const gateway = await startGateway({ tenant, hop, folder, files: again, logFile: logAgain });
    const code = await askRecipient(gateway.port, 'alice@contoso.example');
    await gateway.end();
    row('started on it', code === 250, `known ${code}: the last image answers`);
  } catch (error) {
    row('started on it', false, error.message);
  } finally {
    unmount(folder);
  }
}

async function clock() {
  if (!FAKETIME) return row('clock jumps', null, 'libfaketime is not installed');
  const file = path.join(scratch, 'clock-offset');
  const env = {
    LD_PRELOAD: FAKETIME,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
  writeFileSync(file, '+0');
  let finish = () => undefined;
  const logFile = await withGateway('clock', { env }, async (gateway) => {
    const facts = [];
    let good = true;
    let refused = 0;
    for (const [jump, expected] of [
      ['+3h', 451],
      ['-3h', 451],
    ]) {
      writeFileSync(file, jump);
      await pause(200);
      const [known, unknown] = [
        await sendMessage(gateway.port),
        await askRecipient(gateway.port, 'nobody@contoso.example'),
      ];
      const round = await gateway.run('sync');
      const later = await askRecipient(gateway.port, 'nobody@contoso.example');
      refused += [unknown, later].filter((code) => code === 550).length;
      gateway.deferred += [unknown, later].filter((code) => code === 451).length;
      good &&= known === 250 && unknown === expected && later === 550;
      facts.push(`${jump}: mail ${known}, unknown ${unknown}, after a round (exit ${round}) ${later}`);
    }
    const own = await counted(gateway, refused);
    finish = (file) => {
      const books = agree(file, refused, own);
      row('clock jumps', good && books.good, ...facts, books.words);
    };
  });
  finish(logFile);
}

for (const part of [flood, idle, fullDisk, readOnly, clock]) {
  await part().catch((error) => row(part.name, false, error.message));
}
await hop.close();
await tenant.close?.();

console.log(`\n| trouble | mail flows, counts add up | figures |\n|---|---|---|`);
for (const cells of rows) console.log(`| ${cells.join(' | ')} |`);
console.log(`\nmessages at the next hop: ${delivered}`);
rmSync(scratch, { recursive: true, force: true });
process.exit(failed ? 1 : 0);
