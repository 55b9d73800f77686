/** A sender that never stops: whole messages to known recipients, one after the other, every reply kept. */
import { EventEmitter, once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { dialog } from '../dialog.ts';

export interface SteadyMail extends AsyncDisposable {
  /** Messages that got 250 after the final dot. */
  readonly taken: number;
  /** Replies other than the expected, with the command before them. */
  readonly trouble: readonly string[];
  /** Slowest answer to RCPT TO so far, in milliseconds. */
  readonly slowest: number;
  /** Waits for `count` more messages, so that what happened before is behind them. */
  more(count: number): Promise<void>;
  /** Ends after the message in hand. */
  stop(): Promise<void>;
}

/** Sends to each of `recipients` in turn, over a new connection for each message. */
export function steadyMail(port: number, recipients: readonly string[]): SteadyMail {
  const trouble: string[] = [];
  const sent = new EventEmitter();
  let taken = 0;
  let slowest = 0;
  let going = true;
  async function message(to: string): Promise<void> {
    await using client = await dialog(port);
    const expect = async (line: string, code: string): Promise<void> => {
      const reply = await client.ask(line);
      if (!reply.startsWith(code)) trouble.push(`${line}: ${reply}`);
    };
    await expect('EHLO sender.example', '250');
    await expect('MAIL FROM:<sender@sender.example>', '250');
    const asked = performance.now();
    await expect(`RCPT TO:<${to}>`, '250');
    slowest = Math.max(slowest, performance.now() - asked);
    await expect('DATA', '354');
    await expect(`Subject: ${taken}\r\n\r\nsteady\r\n.`, '250');
    await expect('QUIT', '221');
    taken++;
    sent.emit('message');
  }
  const run = (async () => {
    for (let turn = 0; going; turn++) {
      await message(recipients[turn % recipients.length] ?? '');
      // Leaves the processors to the browser for a moment; nothing waits for it.
      await pause(10);
    }
  })();
  const stop = async (): Promise<void> => {
    going = false;
    await run;
  };
  return {
    get taken() {
      return taken;
    },
    get slowest() {
      return slowest;
    },
    trouble,
    async more(count) {
      for (const end = taken + count; taken < end; ) await Promise.race([once(sent, 'message'), run]);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
