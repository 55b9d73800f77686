// A worker thread for workers.test.ts: says its number to whoever connects, and dies of the word "die".
import net from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const server = net.createServer((socket) => {
  socket.write(`${workerData.id}\n`);
  socket
    .on('error', () => undefined)
    .on('data', (text) => {
      if (String(text).includes('die')) throw new Error('told to die');
      if (String(text).includes('hang')) for (;;);
    });
});
server.listen({ fd: workerData.listeners[0].fd }, 100, () => parentPort.postMessage({ kind: 'ready' }));
parentPort.on('message', ({ kind }) => {
  if (kind === 'stop') server.close(() => parentPort.close());
});
