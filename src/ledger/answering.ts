/** The recording thread's end of the line: requests come in, answers and news go out. */
import type { MessagePort } from 'node:worker_threads';
import type { LedgerCall, LedgerHandlers, LedgerMessage } from './protocol.ts';

/** Answers requests on `port` with `handlers`; what a handler throws becomes a refusal with its message. */
export function answerLedgerCalls(port: MessagePort, handlers: LedgerHandlers): void {
  port.on('message', (call: LedgerCall) => port.postMessage(answerTo(call, handlers)));
}

function answerTo({ id, name, ask }: LedgerCall, handlers: LedgerHandlers): LedgerMessage {
  try {
    const handle = handlers[name] as (ask: unknown) => unknown;
    return { kind: 'answer', id, value: handle(ask) };
  } catch (error) {
    return { kind: 'refusal', id, message: error instanceof Error ? error.message : String(error) };
  }
}
