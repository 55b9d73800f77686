/**
 * Does what the README tells a newcomer to do: `npm start`, wait for the guide, try a known and an unknown
 * recipient, stop it. Plain JavaScript, so that it needs nothing but the clone.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import readline from 'node:readline';

const START_LIMIT_MS = 300_000;
const STOP_LIMIT_MS = 30_000;

const child = spawn('npm', ['start'], { stdio: ['ignore', 'pipe', 'inherit'] });
const ended = once(child, 'close');
/** @type {Record<string, unknown>[]} */
const log = [];
/** The gateway's own process: npm and its shell stand between, and do not pass every signal on. */
const gatewayPid = () => Number(log.find(({ event }) => event === 'process.start')?.pid);

try {
  await within(START_LIMIT_MS, 'the guide of npm start', guide());
  expectReply('alice@contoso.example', await answerTo('alice@contoso.example'), /^250 2\.1\.5 /);
  expectReply(
    'nobody@contoso.example',
    await answerTo('nobody@contoso.example'),
    /^550 5\.1\.1 .*\[ref \w+\]$/,
  );
  process.kill(gatewayPid(), 'SIGTERM');
  const [code] = await within(STOP_LIMIT_MS, 'its end', ended);
  if (code !== 0) throw new Error(`npm start ended with ${code}`);
  if (!log.some(({ event }) => event === 'process.stopped'))
    throw new Error('it did not log process.stopped');
  process.stdout.write('npm start: ready, 250 for a known and 550 for an unknown recipient, ended cleanly\n');
} catch (error) {
  process.stderr.write(`npm start: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
  end();
}

/** Resolves at the guide, and goes on reading, so that the pipe never fills. */
function guide() {
  return new Promise((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) log.push(JSON.parse(line));
      else process.stdout.write(`${line}\n`);
      if (line.startsWith('Ctrl-C stops it')) resolve(undefined);
    });
    void ended.then(([code]) => reject(new Error(`it ended with ${code} before it was ready`)));
  });
}

/** The reply to one recipient, sent the way the guide says. @param {string} address */
async function answerTo(address) {
  const socket = net.connect(2525, '127.0.0.1');
  socket.write(`EHLO me\r\nMAIL FROM:<me@sender.example>\r\nRCPT TO:<${address}>\r\nQUIT\r\n`);
  let replies = '';
  for await (const chunk of socket) replies += chunk;
  const lines = replies.split('\r\n').filter((line) => /^\d{3} /.test(line));
  // Greeting, EHLO and MAIL come first.
  return lines[3] ?? `nothing, after ${JSON.stringify(lines)}`;
}

/** @param {string} address @param {string} reply @param {RegExp} expected */
function expectReply(address, reply, expected) {
  if (!expected.test(reply)) throw new Error(`${address} was answered with ${reply}`);
}

/** @template T @param {number} ms @param {string} what @param {Promise<T>} promise @returns {Promise<T>} */
function within(ms, what, promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Ends what may still run, so that nothing outlives a failed check. */
function end() {
  for (const pid of [gatewayPid(), child.pid ?? Number.NaN]) {
    try {
      if (pid > 0) process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}
