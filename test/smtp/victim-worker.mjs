// A worker thread for pool.test.ts: says its number to whoever connects, and does what it is told: "die", "hang", "sleep" in a
// call that cannot be broken off, or "ask NAME" the main thread.
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const sockets = new Set();
let asked = 0;

const server = net.createServer((socket) => {
  sockets.add(socket);
  socket.write(`${workerData.id}\n`);
  socket
    .on('error', () => undefined)
    .on('close', () => sockets.delete(socket))
    .on('data', (text) => obey(String(text).trim(), socket));
});
server.listen({ fd: workerData.listeners[0].fd }, 100, () => parentPort.postMessage({ kind: 'ready' }));
parentPort.on('message', ({ kind, id, outcome }) => {
  if (kind === 'stop') server.close(() => parentPort.close());
  if (kind === 'lookup') for (const socket of sockets) socket.write(`${id} ${outcome}\n`);
});
setInterval(() => parentPort.postMessage({ kind: 'alive' }), 50).unref();

function obey(word, socket) {
  if (word === 'die') throw new Error('told to die');
  if (word.startsWith('ask ')) {
    asked += 1;
    parentPort.postMessage({ kind: 'lookup', id: asked, question: word.slice(4) });
  }
  if (word !== 'hang' && word !== 'sleep') return;
  socket.write('so be it\n');
  if (word === 'sleep') execFileSync('sleep', ['5']);
  else for (;;);
}
