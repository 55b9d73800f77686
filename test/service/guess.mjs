/**
 * Asks for COUNT recipients that nobody knows, and for more until the input ends: guess.mjs HOST LOCAL-ADDRESS COUNT. Prints how
 * often each code came as the answer to RCPT, `refused` when there was no connection within three seconds, `ended` when it
 * was hung up.
 */
import net from 'node:net';

const [host = '', localAddress = '', count = '1'] = process.argv.slice(2);
const BATCH = 100;
/** Ms between batches once COUNT is reached: the reader of the log shall not be left behind however fast this is answered. */
const PAUSE = 50;
/** @type {Record<string, number>} */
const seen = {};
const note = (/** @type {string} */ what) => {
  seen[what] = (seen[what] ?? 0) + 1;
};
let ended = false;
process.stdin.resume().on('end', () => {
  ended = true;
});
let asked = 0;
/** Replies that are still to come: the greeting, that to EHLO, then those of a batch. */
let waiting = 1;
let greeted = false;
let rest = '';
let outcome = 'refused';
const socket = net.connect({ port: 25, host, localAddress });
const patience = setTimeout(() => socket.destroy(), 3000);
socket.on('connect', () => {
  clearTimeout(patience);
  outcome = 'ended';
});
socket.setEncoding('latin1').on('data', (text) => {
  const lines = `${rest}${text}`.split('\r\n');
  rest = lines.pop() ?? '';
  for (const line of lines.filter((each) => /^\d{3} /.test(each))) take(line.slice(0, 3));
});
socket.on('error', () => undefined);
socket.on('close', () => {
  if (outcome !== 'done') note(outcome);
  process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0));
});

function take(/** @type {string} */ code) {
  if (code === '421' || /^(?:550|451|452)$/.test(code)) note(code);
  if (code === '421') done();
  waiting -= 1;
  if (waiting > 0 || outcome === 'done') return;
  if (!greeted) {
    greeted = true;
    waiting = 1;
    socket.write('EHLO client.example\r\n');
    return;
  }
  if (asked < Number(count)) batch();
  else setTimeout(batch, PAUSE);
}

function batch() {
  const left = Number(count) - asked;
  if (left <= 0 && ended) {
    done();
    return;
  }
  const size = left <= 0 ? BATCH : Math.min(BATCH, left);
  const recipients = [...Array(size).keys()].map((at) => `RCPT TO:<nobody${asked + at}@contoso.example>\r\n`);
  asked += size;
  waiting = size + 2;
  socket.write(`MAIL FROM:<me@sender.example>\r\n${recipients.join('')}RSET\r\n`);
}

function done() {
  outcome = 'done';
  socket.destroy();
}
