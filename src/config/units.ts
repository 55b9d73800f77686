/** Durations and sizes as operators write them in the configuration. */

const DURATION_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SIZE_BYTES = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 } as const;

/** Milliseconds of `"90s"`, `"5m"`, `"1h"`, `"3d"` or `"250ms"`; null when it is none of these. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  if (!match) return null;
  return Number(match[1]) * DURATION_MS[match[2] as keyof typeof DURATION_MS];
}

/** Bytes of `"512KB"`, `"150MB"` or `"2GB"` (powers of 1024); null when it is none of these. */
export function parseSize(text: string): number | null {
  const match = /^(\d{1,9})(B|KB|MB|GB)$/.exec(text);
  if (!match) return null;
  return Number(match[1]) * SIZE_BYTES[match[2] as keyof typeof SIZE_BYTES];
}

/** `host:port` with an IPv4 address, a host name, or an IPv6 address in brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `host:port`; the port may be left out when `defaultPort` is given. Port 0 is only good for listening.
 * Null when it is not an address.
 */
export function parseHostPort(text: string, defaultPort?: number): HostPort | null {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  return host === undefined || port === undefined || port > 65_535 ? null : { host, port };
}
