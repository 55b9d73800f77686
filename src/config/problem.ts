/** A fault in the configuration, addressed by its key. */
import type { z } from 'zod';

export interface ConfigProblem {
  /** As written in the file: `smtp[0].listen`. */
  readonly key: string;
  readonly problem: string;
}

/** Keys that earlier versions had, and where they went. */
const MOVED: Readonly<Record<string, string>> = {
  'lookup.harvest_limit': 'has moved: it is limit in [harvest], where it guards more than lookups',
  'lookup.harvest_window': 'has moved: it is window in [harvest]',
};

/** The problems behind a schema error, unknown keys one by one. */
export function problemsOf(error: z.ZodError): ConfigProblem[] {
  return error.issues.flatMap((issue) => {
    const key = keyText(issue.path);
    if (issue.code !== 'unrecognized_keys') return [{ key, problem: wording(issue) }];
    return issue.keys.map((name) => {
      const unknown = keyText([...issue.path, name]);
      return { key: unknown, problem: MOVED[unknown] ?? 'is not a known key' };
    });
  });
}

/** `['smtp', 0, 'listen']` as `smtp[0].listen`. */
export function keyText(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      return index === 0 ? String(part) : `.${String(part)}`;
    })
    .join('');
}

/** One problem a line, ready to print. */
export function problemLines(problems: readonly ConfigProblem[]): string {
  return problems.map(({ key, problem }) => `  ${key}: ${problem}`).join('\n');
}

function wording(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'is missing';
  return issue.message;
}
