/** The `[console]` table: its schema, what crosses its keys, and what becomes of it. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { type ListenAddress, parseListen } from './listen.ts';
import type { ConfigProblem } from './problem.ts';
import { parseDuration } from './units.ts';

/** Who may enter, and where the console is found. Times are in ms. */
export interface ConsoleConfig extends ListenAddress {
  readonly enabled: boolean;
  /** null: `http://localhost:PORT`. Without a trailing slash. */
  readonly publicUrl: string | null;
  readonly admins: readonly ConsoleAccount[];
  readonly readers: readonly ConsoleAccount[];
  readonly session: number;
  readonly sessionIdle: number;
  /** Addresses and networks (CIDR) of reverse proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
}

/** A person in Microsoft Entra ID, both ids in lower case. */
export interface ConsoleAccount {
  readonly tenant: string;
  readonly object: string;
}

/** Longest redirect URI that Microsoft Entra ID registers, characters. */
const LONGEST_REDIRECT = 256;
const REDIRECT_PATH = '/oauth/callback';

const account = z.string().transform((value, context): ConsoleAccount => {
  const guid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
  const match = new RegExp(`^(${guid})/(${guid})$`).exec(value.toLowerCase());
  if (match) return { tenant: match[1] ?? '', object: match[2] ?? '' };
  const message = 'must be "tenant-id/object-id", two GUIDs; the console shows both to whoever it refuses';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const duration = z.string().transform((value, context) => {
  const parsed = parseDuration(value);
  if (parsed !== null && parsed >= 60_000) return parsed;
  context.addIssue({ code: 'custom', message: 'must be a duration of at least a minute, such as "8h"' });
  return z.NEVER;
});

const listenAddress = z.string().transform((value, context) => {
  const parsed = parseListen(value);
  if (parsed && (parsed.inherited !== null || parsed.port > 0)) return parsed;
  const message =
    'must be an address and port such as "127.0.0.1:8025", or an inherited socket such as "systemd:console"';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const publicUrl = z
  .string()
  .refine((value) => {
    const url = URL.canParse(value) ? new URL(value) : null;
    if (url === null || url.pathname !== '/' || url.search + url.hash + url.username !== '') return false;
    return url.protocol === 'https:' || (url.protocol === 'http:' && url.hostname === 'localhost');
  }, 'must be https://HOST or http://localhost:PORT without a path: Microsoft Entra ID sends nobody back to anything else')
  .refine(
    (value) => value.length + REDIRECT_PATH.length <= LONGEST_REDIRECT,
    `must leave room for ${REDIRECT_PATH} within ${LONGEST_REDIRECT} characters`,
  );

const network = z.string().refine((value) => {
  const [address = '', prefix, ...more] = value.split('/');
  const family = isIP(address);
  const longest = family === 6 ? 128 : 32;
  const right = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= longest);
  return family !== 0 && right && more.length === 0;
}, 'must be an address or a network such as "10.0.0.5" or "10.0.0.0/8"');

export const consoleSchema = z.strictObject({
  enabled: z.boolean().default(true),
  listen: listenAddress.prefault('127.0.0.1:8025'),
  public_url: publicUrl.optional(),
  admins: z.array(account).default([]),
  readers: z.array(account).default([]),
  session: duration.prefault('8h'),
  session_idle: duration.prefault('1h'),
  trusted_proxies: z.array(network).default([]),
});

/** The table as the rest of the program sees it. */
export function consoleFrom(table: z.output<typeof consoleSchema>): ConsoleConfig {
  return {
    enabled: table.enabled,
    ...table.listen,
    publicUrl: table.public_url === undefined ? null : new URL(table.public_url).origin,
    admins: table.admins,
    readers: table.readers,
    session: table.session,
    sessionIdle: table.session_idle,
    trustedProxies: table.trusted_proxies,
  };
}

/** Accounts of tenants that are not configured, in the raw file; such a person could never sign in. */
export function consoleProblems(raw: Readonly<Record<string, unknown>>): ConfigProblem[] {
  const { tenant, console: table } = raw;
  const ids = new Set(
    (Array.isArray(tenant) ? tenant : []).map((each) => String(Object(each).id).toLowerCase()),
  );
  return ['admins', 'readers'].flatMap((key) => {
    const accounts: unknown = Object(table)[key];
    return (Array.isArray(accounts) ? accounts : []).flatMap((each, index) => {
      const [id = '', object] = String(each).toLowerCase().split('/');
      if (object === undefined || ids.has(id)) return [];
      return [
        {
          key: `console.${key}[${index}]`,
          problem: `speaks of ${id}, which is not the id of any [[tenant]]`,
        },
      ];
    });
  });
}
