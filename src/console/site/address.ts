/** Under which addresses the console may be asked for: protects against DNS rebinding and forged origins. */

/** What the console is called from outside. */
export interface SiteAddress {
  /** Without a trailing slash. */
  readonly publicUrl: string;
  /** Values of the Host header that are ours, in lower case. */
  readonly hosts: ReadonlySet<string>;
}

/** The address of a console that listens on `host:port`; `publicUrl` null: this machine's own. */
export function siteAddress(publicUrl: string | null, host: string, port: number): SiteAddress {
  const own = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const url = new URL(publicUrl ?? `http://localhost:${port}`);
  const local = [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`];
  return { publicUrl: url.origin, hosts: new Set([url.host, own.toLowerCase(), ...local]) };
}

/** Whether a Host header names this console. */
export function isOurHost({ hosts }: SiteAddress, host: string | undefined): boolean {
  return host !== undefined && hosts.has(host.toLowerCase());
}

/** What a browser says of where a POST comes from. */
export interface PostHeaders {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
}

/**
 * Whether a POST comes from a page of this console. Every browser of today sends Origin with a POST; one that sends
 * neither it nor Sec-Fetch-Site is refused. A proxy may have changed Host, never Origin.
 */
export function isOurPost(address: SiteAddress, { host, origin, fetchSite }: PostHeaders): boolean {
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') return false;
  if (origin === undefined) return fetchSite === 'same-origin';
  return origin === address.publicUrl || (isOurHost(address, host) && origin === `http://${host}`);
}

/** A path of ours to go to after something, or `/` when the text is none: `//host` and `/\host` are other sites. */
export function ownPath(text: string | undefined): string {
  return text !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(text) && !text.includes('\\') ? text : '/';
}
