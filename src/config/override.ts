/** One override, from an `[[override]]` table or from `rcptgate override add`: the same schema for both. */
import { z } from 'zod';
import { normaliseMatch, type Override } from '../core/override.ts';
import { type ConfigProblem, problemsOf } from './problem.ts';
import { parseDuration } from './units.ts';

const DAY_MS = 86_400_000;
/** No duration reaches beyond, ms since 1970: later years have no plain ISO form. */
const LATEST = Date.UTC(9999, 11, 31);

const match = z.string().transform((value, context) => {
  const normalised = normaliseMatch(value);
  if (normalised !== null) return normalised;
  context.addIssue({
    code: 'custom',
    message: 'must be an address, a pattern with * such as "*-list@contoso.example", or "@contoso.example"',
  });
  return z.NEVER;
});

const written = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);

/** The last moment at which something holds; of a date, the end of that day in UTC. */
const lastMoment = z.union([z.date(), z.string()]).transform((value, context) => {
  // A TOML date gives back what the file says, so that one without a zone can be told from one with it.
  const parsed = written.safeParse(value instanceof Date ? value.toISOString() : value);
  if (parsed.success) {
    const time = new Date(parsed.data).getTime();
    return parsed.data.length === 10 ? time + DAY_MS - 1 : time;
  }
  context.addIssue({
    code: 'custom',
    message: 'must be a date or a date and time with zone, such as 2027-01-31 or 2027-01-31T18:00:00Z',
  });
  return z.NEVER;
});

/** One `[[override]]` table; `match` comes out in the form in which it is compared. */
export const overrideSchema = z.strictObject({
  match,
  action: z.enum(['allow', 'deny']),
  // RFC 5321 section 4.5.3.1.5 allows 512 octets for the whole reply line.
  text: z
    .string()
    .regex(/^[\x20-\x7e]{1,300}$/, 'must be one line of at most 300 printable ASCII characters')
    .optional(),
  note: z.string().optional(),
  expires: lastMoment.optional(),
});

/** The table as the rest of the program sees it. */
export function overrideFrom(table: z.output<typeof overrideSchema>): Override {
  const { match, action, text = null, note = null, expires = null } = table;
  return { match, action, text, note, expires };
}

export type ReadOverride =
  | { readonly ok: true; readonly override: Override }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/**
 * Reads an override that was given at `now` (ms since 1970). Its `expires` may also be a duration from then, such as
 * `30d`, which would mean nothing in a file.
 */
export function readOverride(given: unknown, now: number): ReadOverride {
  const fields = { ...(given as Record<string, unknown>) };
  const duration = typeof fields.expires === 'string' ? parseDuration(fields.expires) : null;
  if (duration !== null) fields.expires = new Date(Math.min(now + duration, LATEST)).toISOString();
  const parsed = overrideSchema.safeParse(fields, { reportInput: true });
  if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error) };
  return { ok: true, override: overrideFrom(parsed.data) };
}
