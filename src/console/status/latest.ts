/** The last answer to a question that many pages ask: asked once at a time, and not again while it is recent. */

/** What a question is answered by while the answer is younger than `keep` (ms). An error is not kept. */
export function latest<Value>(
  ask: () => Promise<Value>,
  keep: number,
  now: () => number,
): (fresh?: boolean) => Promise<Value> {
  let running: Promise<Value> | null = null;
  let last: { readonly at: number; readonly value: Value } | null = null;
  const begin = async (): Promise<Value> => {
    try {
      const value = await ask();
      last = { at: now(), value };
      return value;
    } finally {
      running = null;
    }
  };
  return (fresh = false) => {
    const age = last === null ? null : now() - last.at;
    if (!fresh && last !== null && age !== null && age >= 0 && age < keep) return Promise.resolve(last.value);
    running ??= begin();
    return running;
  };
}

/** The same for a question about something, such as a tenant; there are few of those. */
export function latestOf<Value>(
  ask: (about: string) => Promise<Value>,
  keep: number,
  now: () => number,
): (about: string) => Promise<Value> {
  const questions = new Map<string, () => Promise<Value>>();
  return (about) => {
    const known = questions.get(about) ?? latest(() => ask(about), keep, now);
    questions.set(about, known);
    return known();
  };
}
