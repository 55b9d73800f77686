/** Blocks the event loop of the process whose inspector listens on this port: `for (;;);` inside of it. */
import { WebSocket } from 'undici';

const [port = '9229'] = process.argv.slice(2);
const [target] = /** @type {Array<{ webSocketDebuggerUrl: string }>} */ (
  await (await fetch(`http://127.0.0.1:${port}/json`)).json()
);
const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '');
socket.addEventListener('open', () => {
  socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: 'for (;;);' } }));
  process.stdout.write('blocked\n');
});
socket.addEventListener('close', () => process.exit(0));
socket.addEventListener('error', () => process.exit(0));
