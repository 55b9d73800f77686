/**
 * The recording thread, but it dies now and then: `plan` in its settings says for each batch, over all its lives, whether it
 * dies `before` it is written, `after` that without a word, or not. Batches are counted in a file, because a life forgets.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

const { plan, counter } = workerData;
let fate = '';

const on = parentPort.on.bind(parentPort);
parentPort.on = (event, handle) =>
  on(event, (call) => {
    if (call.name === 'record') {
      const count = existsSync(counter) ? Number(readFileSync(counter, 'utf8')) : 0;
      writeFileSync(counter, String(count + 1));
      fate = plan[count];
      if (fate === 'before') process.exit(1);
    }
    handle(call);
  });
const post = parentPort.postMessage.bind(parentPort);
parentPort.postMessage = (message) => {
  if (message.kind === 'answer' && fate === 'after') process.exit(1);
  post(message);
};
await import(new URL('../../dist/recorder.js', import.meta.url).href);
