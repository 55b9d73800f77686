/**
 * One question for everybody who asks the same at the same time: a flood of requests for a page costs the daemon, whose thread
 * answers SMTP too, no more than one visitor who reloads it four times a second.
 */
import type { Daemon } from './daemon.ts';

/** How long an answer serves others, ms: shorter than anybody who looks would notice. */
const KEEP = 250;
/** Different questions whose answers are kept at a time. */
const MOST = 500;

/** Posts that only ask. */
const QUESTIONS: readonly string[] = ['/v1/explain'];

interface Kept {
  readonly answer: Promise<unknown>;
  /** On the steady clock, ms. */
  readonly until: number;
}

/** The same daemon, asked the same thing once in `keep` ms. A change makes everything be asked again. `now`: steady, ms. */
export function shared(daemon: Daemon, keep = KEEP, now: () => number = () => performance.now()): Daemon {
  const kept = new Map<string, Kept>();
  const once = (key: string, ask: () => Promise<unknown>): Promise<unknown> => {
    const known = kept.get(key);
    if (known && known.until > now()) return known.answer;
    const answer = ask();
    kept.delete(key);
    kept.set(key, { answer, until: now() + keep });
    // What went wrong is not kept: the next visitor may be luckier.
    answer.catch(() => kept.delete(key));
    const [oldest = ''] = kept.keys();
    if (kept.size > MOST) kept.delete(oldest);
    return answer;
  };
  return {
    get: (path) => once(path, () => daemon.get(path)),
    async post(path, body, actor) {
      if (QUESTIONS.includes(path)) {
        return once(`${path} ${JSON.stringify(body)}`, () => daemon.post(path, body, actor));
      }
      try {
        return await daemon.post(path, body, actor);
      } finally {
        kept.clear();
      }
    },
    async *lines(path, body, actor) {
      try {
        yield* daemon.lines(path, body, actor);
      } finally {
        kept.clear();
      }
    },
  };
}
