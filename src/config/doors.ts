/** The `[[door]]` and `[[export]]` tables: lookups for an MTA that stays in front, and maps that outlive the daemon. */
import { z } from 'zod';
import { EXPORT_FORMATS, type ExportFormat } from '../core/export-format.ts';
import { parseNetwork } from '../core/network.ts';
import { parseListen } from './listen.ts';
import { parseDuration } from './units.ts';

/** A TCP address, a Unix socket with the mode of its file, or the name of an inherited socket. */
export type DoorAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string; readonly mode: number }
  | { readonly inherited: string };

/** Times are in ms. */
export interface DoorConfig {
  readonly protocol: 'socketmap' | 'policy';
  readonly address: DoorAddress;
  readonly maxConnections: number;
  readonly idle: number;
  /** Networks whose clients are never harvesters. */
  readonly trusted: readonly string[];
}

export interface ExportConfig {
  readonly path: string;
  readonly format: ExportFormat;
  readonly postmap: string | null;
  /** Percent. */
  readonly maxShrink: number;
  readonly mode: number;
}

const absolute = z.string().regex(/^\//, 'must be an absolute path');

const mode = z
  .string()
  .regex(/^0?[0-7]{3}$/, 'must be an octal file mode such as "0660"')
  .transform((value) => Number.parseInt(value, 8));

const idle = z.string().transform((value, context) => {
  const parsed = parseDuration(value);
  if (parsed !== null && parsed > 0) return parsed;
  context.addIssue({ code: 'custom', message: 'must be a duration such as "30s" or "5m"' });
  return z.NEVER;
});

const network = z
  .string()
  .refine((value) => parseNetwork(value).ok, 'must be an address or a network such as "192.0.2.0/24"');

const listen = z.string().refine((value) => {
  if (value.startsWith('unix:')) return value.startsWith('unix:/');
  return parseListen(value) !== null;
}, 'must be an address and port such as "127.0.0.1:2527", a Unix socket such as "unix:/run/rcptgate/socketmap", or an inherited one such as "systemd:socketmap"');

/** One `[[door]]` table. */
export const doorSchema = z.strictObject({
  protocol: z.enum(['socketmap', 'policy']),
  listen,
  socket_mode: mode.prefault('0660'),
  max_connections: z.int().min(1).max(100_000).default(1000),
  idle_timeout: idle.prefault('10m'),
  trusted: z.array(network).default(['127.0.0.0/8', '::1']),
});

/** One `[[export]]` table. */
export const exportSchema = z.strictObject({
  path: absolute,
  format: z.enum(EXPORT_FORMATS).default('postfix'),
  postmap: z.enum(['cdb', 'lmdb', 'hash', 'btree']).optional(),
  max_shrink: z.number().min(0).max(100).default(20),
  file_mode: mode.prefault('0644'),
});

/** A door as the program uses it. */
export function doorFrom(table: z.output<typeof doorSchema>): DoorConfig {
  return {
    protocol: table.protocol,
    address: addressFrom(table),
    maxConnections: table.max_connections,
    idle: table.idle_timeout,
    trusted: table.trusted,
  };
}

function addressFrom(table: z.output<typeof doorSchema>): DoorAddress {
  if (table.listen.startsWith('unix:'))
    return { path: table.listen.slice('unix:'.length), mode: table.socket_mode };
  // The schema has seen to it that one of the forms fits.
  const { host, port, inherited } = parseListen(table.listen) ?? {
    host: '127.0.0.1',
    port: 0,
    inherited: null,
  };
  return inherited === null ? { host, port } : { inherited };
}

/** An export as the program uses it. */
export function exportFrom(table: z.output<typeof exportSchema>): ExportConfig {
  const { path, format, max_shrink: maxShrink, file_mode } = table;
  return { path, format, postmap: table.postmap ?? null, maxShrink, mode: file_mode };
}
