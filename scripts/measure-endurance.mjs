/**
 * What trouble costs: a full disk, a state directory that became read-only, a clock that jumps, thousands of idle connections, and a
 * flood of rejections for a minute, against the real daemon with a practice tenant and next hop. Prints one table.
 *
 *   node scripts/setup.mjs && node scripts/measure-endurance.mjs [--seconds 60] [--rate 1000] [--idle 5000]
 *
 * Full disk and read-only directory need root for a small tmpfs, the clock needs Debian's libfaketime; without them a row
 * says that it was left out. The exit code is 1 when mail did not flow or counts did not add up.
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

const mb = (value) => `${value.toFixed(0)} MB`;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function withGateway(name, options, work) {
  const folder = path.join(scratch, name);
  mkdirSync(folder);
  const logFile = path.join(folder, 'rcptgate.log');
  const gateway = await startGateway({
    tenant,
    hop,
    folder: options.stateDir ?? folder,
    logFile,
    ...options,
  });
  try {
    await until(
      'the first round',
      async () => (await askRecipient(gateway.port, 'alice@contoso.example')) === 250,
    );
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

async function flood() {
  let asked = 0;
  let mail = 0;
  let messages = 0;
  let memory = [0, 0];
  let ledger = 0;
  let verdicts = 0;
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
    const kept = async () => (await gateway.metric('rcptgate_rejection_log_answers_total')) >= asked;
    await until('the rejection log has everything', kept);
    ledger = await gateway.metric('rcptgate_rejection_log_answers_total', '"kept"');
    ledger += await gateway.metric('rcptgate_rejection_log_answers_total', '"aggregated"');
    verdicts = await gateway.metric('rcptgate_rcpt_verdicts_total', 'reason="unknown"');
  });
  const { lines, sums } = loggedRejections(logFile);
  const good = lines + sums === asked && verdicts === asked && ledger >= asked && mail === messages;
  const log = `log ${lines} lines + ${sums} in sums = ${lines + sums}`;
  row(
    `${RATE} rejections/s for ${SECONDS} s`,
    good,
    `${asked} refused, ${log}, counter ${verdicts}, rejection log ${ledger}`,
    `mail ${mail} of ${messages}`,
    `memory ${mb(memory[0])}, at most ${mb(memory[1])}`,
  );
}

async function idle() {
  await withGateway('idle', {}, async (gateway) => {
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
    for (const socket of sockets) socket.destroy();
    await until('the sessions are gone', async () => (await gateway.metric('rcptgate_smtp_sessions')) < 10);
    row(
      `${IDLE} idle connections`,
      mail === 100 && held >= IDLE,
      `${held} sessions, ${(((full - before) * 1024) / IDLE).toFixed(1)} KB each`,
      `mail ${mail} of 100, p50 ${times[50].toFixed(1)} ms, p99 ${times[98].toFixed(1)} ms`,
      `memory ${mb(before)}, with them ${mb(full)}`,
    );
  });
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

async function fullDisk() {
  const folder = smallDisk('full');
  if (folder === null) return row('disk full', null, 'a tmpfs cannot be mounted here');
  try {
    let facts = [];
    let good = false;
    const logFile = await withGateway('full', { stateDir: folder }, async (gateway) => {
      const fill = path.join(folder, 'fill');
      try {
        for (let size = 1; ; size += 1)
          writeFileSync(fill, Buffer.alloc(256 * 1024), { flag: size === 1 ? 'w' : 'a' });
      } catch {
        // Full.
      }
      let mail = 0;
      for (let count = 0; count < 50; count += 1) if ((await sendMessage(gateway.port)) === 250) mail += 1;
      const codes = [];
      for (let count = 0; count < 200; count += 1)
        codes.push(await askRecipient(gateway.port, `full${count}@contoso.example`));
      const round = await gateway.run('sync');
      const still = await askRecipient(gateway.port, 'alice@contoso.example');
      rmSync(fill);
      const total = async () =>
        (await gateway.metric('rcptgate_rejection_log_answers_total', '"kept"')) +
        (await gateway.metric('rcptgate_rejection_log_answers_total', '"aggregated"'));
      await until('the rejection log caught up', async () => (await total()) >= 200);
      const after = await gateway.run('sync');
      good = mail === 50 && codes.every((code) => code === 550) && still === 250 && after === 0;
      facts = [
        `mail ${mail} of 50, ${codes.length} refused, known after a round (exit ${round}): ${still}`,
        `with space again: sync exit ${after}, rejection log ${await total()}`,
      ];
    });
    const { lines, sums } = loggedRejections(logFile);
    row('disk full', good && lines + sums === 200, ...facts, `log ${lines + sums}`);
  } finally {
    unmount(folder);
  }
}

async function readOnly() {
  const folder = smallDisk('readonly');
  if (folder === null) return row('read-only state directory', null, 'a tmpfs cannot be mounted here');
  try {
    await withGateway('readonly', { stateDir: folder }, async (gateway) => {
      try {
        execFileSync('mount', ['-o', 'remount,ro', folder], { stdio: 'ignore' });
      } catch {
        // Files that are open for writing keep a file system writable; the flag on a bind mount does not ask.
        execFileSync('mount', ['--bind', folder, folder]);
        execFileSync('mount', ['-o', 'remount,bind,ro', folder]);
      }
      let mail = 0;
      for (let count = 0; count < 50; count += 1) if ((await sendMessage(gateway.port)) === 250) mail += 1;
      const unknown = await askRecipient(gateway.port, 'nobody@contoso.example');
      row(
        'state directory read-only for new files',
        mail === 50 && unknown === 550,
        `mail ${mail} of 50, unknown ${unknown}, readyz ${await gateway.ready()}, sync exit ${await gateway.run('sync')}`,
      );
    });
    const again = path.join(scratch, 'readonly-start');
    mkdirSync(again);
    const gateway = await startGateway({ tenant, hop, folder, logFile: path.join(again, 'rcptgate.log') });
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
  await withGateway('clock', { env }, async (gateway) => {
    const facts = [];
    let good = true;
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
      good &&= known === 250 && unknown === expected && later === 550;
      facts.push(`${jump}: mail ${known}, unknown ${unknown}, after a round (exit ${round}) ${later}`);
    }
    row('clock jumps', good, ...facts);
  });
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
