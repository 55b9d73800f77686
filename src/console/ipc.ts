/** What the daemon and the console's process say to each other over their IPC channel. Plain values. */
import type { Account } from './site/visit.ts';

/** What the console starts with. Times are in ms. */
export interface ConsoleSettings {
  readonly host: string;
  readonly port: number;
  /** Descriptor 4 is the socket to take connections from, wherever that listens. */
  readonly inherited: boolean;
  /** null: `http://localhost:PORT`. */
  readonly publicUrl: string | null;
  readonly controlSocket: string;
  /** Proves to the control socket that it is the console who asks. */
  readonly token: string;
  readonly session: number;
  readonly sessionIdle: number;
  readonly trustedProxies: readonly string[];
  readonly admins: readonly Account[];
  readonly readers: readonly Account[];
  /** Origins of login services that a form may lead to. */
  readonly loginOrigins: readonly string[];
}

/** Somebody came in. */
export interface SignInNews {
  readonly news: 'sign-in';
  readonly who: string;
  readonly from: string;
  readonly how: 'link' | 'microsoft';
  readonly role: 'admin' | 'reader';
}

/** Somebody did not. */
export interface RefusedNews {
  readonly news: 'refused';
  readonly from: string;
  readonly how: 'link' | 'microsoft';
  /** Words of ours. */
  readonly why: string;
  /** Whom Microsoft Entra ID named, when it did and its signature is right. */
  readonly account: Account | null;
}

export interface SignOutNews {
  readonly news: 'sign-out';
  readonly who: string;
  readonly from: string;
}

/** A page failed in a way that is no refusal. */
export interface FaultNews {
  readonly news: 'fault';
  /** Without the query. */
  readonly path: string;
  readonly error: string;
}

/** For the log of the daemon. */
export type ConsoleNews = SignInNews | RefusedNews | SignOutNews | FaultNews;

/** From the console to the daemon. */
export type ConsoleMessage =
  | { readonly kind: 'listening'; readonly host: string; readonly port: number }
  | { readonly kind: 'trouble'; readonly message: string }
  | { readonly kind: 'news'; readonly news: ConsoleNews };
