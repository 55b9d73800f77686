/** A daemon whose threads can be made to fail: an expression run in a worker thread through the inspector of the process. */
import { once } from 'node:events';
import { WebSocket } from 'undici';
import { freePort } from '../daemon.ts';

interface Told {
  readonly method?: string;
  readonly params?: {
    readonly sessionId: string;
    readonly workerInfo?: { readonly title: string };
    readonly message?: string;
  };
}

/** Environment that opens the inspector, and its port. */
export async function inspection(): Promise<{ port: number; env: Record<string, string> }> {
  const port = await freePort();
  return { port, env: { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` } };
}

/**
 * Runs a statement in each of these workers, from its event loop. Resolves once each is about to run it: what answers from now
 * on is somebody else.
 */
export async function runInWorkers(
  port: number,
  workers: readonly number[],
  statement: string,
): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/json`);
  const [target] = (await answer.json()) as Array<{ webSocketDebuggerUrl: string }>;
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '');
  await once(socket, 'open');
  const send = (method: string, params: object): void =>
    socket.send(JSON.stringify({ id: 1, method, params }));
  const wanted = workers.map((worker) => `worker ${worker}`);
  let running = 0;
  const done = new Promise<void>((resolve) => {
    socket.addEventListener('message', ({ data }) => {
      const { method, params } = JSON.parse(String(data)) as Told;
      if (method === 'NodeWorker.attachedToWorker' && params?.workerInfo) {
        const { title } = params.workerInfo;
        if (wanted.some((name) => title.includes(name))) begin(send, params.sessionId, statement);
      }
      if (params?.message?.includes('Runtime.bindingCalled')) running += 1;
      if (running === workers.length) resolve();
    });
  });
  send('NodeWorker.enable', { waitForDebuggerOnStart: false });
  await done;
  socket.close();
}

function begin(send: (method: string, params: object) => void, sessionId: string, statement: string): void {
  const ask = (method: string, params: object): void =>
    send('NodeWorker.sendMessageToWorker', {
      sessionId,
      message: JSON.stringify({ id: 1, method, params }),
    });
  ask('Runtime.enable', {});
  ask('Runtime.addBinding', { name: 'aboutTo' });
  // From a timer: an expression of the inspector may run in the middle of any other, even of one of Node's own.
  ask('Runtime.evaluate', { expression: `setTimeout(() => { aboutTo('run'); ${statement} })` });
}
