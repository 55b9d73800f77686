/** Where a listener listens: an address of its own, or a socket that the process is started with. */
import { parseHostPort } from './units.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** Name of an inherited socket; null for an address of its own. */
  readonly inherited: string | null;
}

/** Reads `host:port` or `systemd:NAME`. Null when it is neither. */
export function parseListen(text: string): ListenAddress | null {
  const name = /^systemd:([\w.@-]{1,255})$/.exec(text)?.[1];
  if (name !== undefined && !/^\d+$/.test(name)) return { host: '', port: 0, inherited: name };
  const address = parseHostPort(text);
  return address && { ...address, inherited: null };
}

/** As it is written in the configuration. */
export function listenText({ host, port, inherited }: ListenAddress): string {
  if (inherited !== null) return `systemd:${inherited}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
