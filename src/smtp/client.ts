/**
 * Who a session is with, and for whom it speaks: the connection itself, the client a listed proxy names (PROXY protocol),
 * or the client a listed relay names (XCLIENT). Rules and values, no sockets.
 */
import { inNetworks, type Network, normaliseIp, parseNetwork } from '../core/network.ts';
import type { ProxiedClient } from './proxy-header.ts';
import type { ClaimedClient } from './xclient.ts';

/** Networks of a listener, each as `192.0.2.0/24` or an address. */
export interface AccessLists {
  /** Who must name the client by the PROXY protocol; when there is one, nobody else may connect. */
  readonly proxies: readonly string[];
  /** Who may name the client by XCLIENT. */
  readonly xclient: readonly string[];
  /** Who is greeted at once and never counts as a harvester. */
  readonly trusted: readonly string[];
  /** Who may connect; everybody when it is empty. */
  readonly allow: readonly string[];
}

export type AccessRules = { readonly [List in keyof AccessLists]: readonly Network[] };

/** The lists ready for asking. @throws Error when an entry is no network; the configuration has seen to it that each is. */
export function accessRules(lists: AccessLists): AccessRules {
  const networks = (texts: readonly string[]): Network[] =>
    texts.map((text) => {
      const parsed = parseNetwork(text);
      if (!parsed.ok) throw new Error(`${text} ${parsed.problem}`);
      return parsed.network;
    });
  const { proxies, xclient, trusted, allow } = lists;
  return {
    proxies: networks(proxies),
    xclient: networks(xclient),
    trusted: networks(trusted),
    allow: networks(allow),
  };
}

/** A client, and how it is known. */
export interface Identity {
  /** The real client. */
  readonly client: ProxiedClient;
  /** The proxy or relay that spoke for it; null when the client itself is connected. */
  readonly peer: string | null;
  /** Name, HELO name and protocol that a relay told; null when none did. */
  readonly name: string | null;
  readonly helo: string | null;
  readonly esmtp: boolean | null;
  /** Who is connected as far as rights are concerned, and the proxy before it: XCLIENT does not change them. */
  readonly origin: ProxiedClient;
  readonly proxy: string | null;
}

/** The identity of a new connection; `proxied` is what the PROXY header named. */
export function connectedClient(peer: ProxiedClient, proxied: ProxiedClient | null): Identity {
  const near = { address: normaliseIp(peer.address), port: peer.port };
  const origin = proxied ?? near;
  const proxy = proxied === null ? null : near.address;
  return { client: origin, peer: proxy, name: null, helo: null, esmtp: null, origin, proxy };
}

/** The identity after XCLIENT. What it did not say stays; an address that it does not know is the relay's own. */
export function claimedClient(identity: Identity, claim: ClaimedClient): Identity {
  const { origin, proxy } = identity;
  const address = claim.address === undefined ? identity.client.address : (claim.address ?? origin.address);
  const port = claim.port === undefined ? identity.client.port : (claim.port ?? 0);
  return {
    origin,
    proxy,
    client: { address, port },
    peer: address === origin.address ? proxy : origin.address,
    name: claim.name === undefined ? identity.name : claim.name,
    helo: claim.helo === undefined ? identity.helo : claim.helo,
    esmtp: claim.esmtp ?? identity.esmtp,
  };
}

/** Whether XCLIENT is taken from this connection. */
export function mayClaim({ xclient }: AccessRules, { origin }: Identity): boolean {
  return inNetworks(xclient, origin.address);
}

/** Whether the client is one of ours: it waits for no greeting and is no harvester. A relay or proxy that speaks for itself is. */
export function isTrusted({ trusted, xclient, proxies }: AccessRules, { client }: Identity): boolean {
  return [trusted, xclient, proxies].some((list) => inNetworks(list, client.address));
}
