/**
 * Four clients that hold one short session after the other until the input ends; prints how often each outcome was:
 * `refused` when there was no connection, 250 or another code as the answer to RCPT, 421, or `cut`.
 */
import net from 'node:net';

const [port = '25', recipient = ''] = process.argv.slice(2);
/** @type {Record<string, number>} */
const seen = {};
let running = true;
process.stdin.resume().on('end', () => {
  running = false;
});

function session() {
  return new Promise((resolve) => {
    const socket = net.connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
    const commands = ['EHLO x', 'MAIL FROM:<me@sender.example>', `RCPT TO:<${recipient}>`];
    let outcome = 'refused';
    socket.on('connect', () => {
      outcome = 'cut';
    });
    socket.setEncoding('latin1').on('data', (text) => {
      const code = /^(\d{3}) /m.exec(String(text))?.[1];
      if (code === undefined) return;
      const next = commands.shift();
      if (code !== '421' && next !== undefined) {
        socket.write(`${next}\r\n`);
        return;
      }
      outcome = code;
      socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(outcome));
  });
}

async function client() {
  while (running) {
    const outcome = await session();
    seen[outcome] = (seen[outcome] ?? 0) + 1;
  }
}

await Promise.all([client(), client(), client(), client()]);
process.stdout.write(`${JSON.stringify(seen)}\n`);
