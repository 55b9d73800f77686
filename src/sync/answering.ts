/** The learning thread's end of the line: requests come in, answers and events go out. */
import type { MessagePort } from 'node:worker_threads';
import type { LearnerMessage, RequestHandlers, RequestMessage } from './protocol.ts';

/** Sends an event to the main thread. */
export type Tell = (message: LearnerMessage) => void;

/** Answers requests on `port` with `handlers`; what a handler throws becomes a refusal with its message. */
export function answerRequests(port: MessagePort, handlers: RequestHandlers): void {
  port.on('message', (message: RequestMessage) => {
    void answer(message, handlers).then((reply) => port.postMessage(reply));
  });
}

async function answer({ id, name, ask }: RequestMessage, handlers: RequestHandlers): Promise<LearnerMessage> {
  try {
    const handle = handlers[name] as (ask: unknown) => Promise<unknown>;
    return { kind: 'answer', id, value: await handle(ask) };
  } catch (error) {
    return { kind: 'refusal', id, message: error instanceof Error ? error.message : String(error) };
  }
}
