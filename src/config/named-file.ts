/**
 * A file that the configuration names: a path, or `credential:NAME` for what the service manager hands over in a
 * directory of its own (systemd.exec(5), LoadCredential=).
 */
import path from 'node:path';
import { z } from 'zod';

const PREFIX = 'credential:';
/** Where systemd puts the credentials of the shipped unit; for commands, which are run outside of it. */
const OF_THE_SERVICE = '/run/credentials/rcptgate.service';

/** The path behind a name; null when the name of a credential is none. */
export function namedFile(text: string, directory = process.env.CREDENTIALS_DIRECTORY): string | null {
  if (!text.startsWith(PREFIX)) return text;
  const name = text.slice(PREFIX.length);
  return /^[\w@-][\w.@-]{0,254}$/.test(name) ? path.join(directory ?? OF_THE_SERVICE, name) : null;
}

/** The schema of such a key. */
export const file = z
  .string()
  .min(1, 'must not be empty')
  .transform((value, context) => {
    const found = namedFile(value);
    if (found !== null) return found;
    const message = 'must be a path, or "credential:" and the name of a systemd credential without a slash';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
