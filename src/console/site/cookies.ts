/** The cookies of the console and their attributes (RFC 6265). */
import type { Context } from 'hono';
import { setCookie } from 'hono/cookie';

/** The names, and how to set them. */
export interface Cookies {
  readonly session: string;
  /** Of a browser that is not signed in yet: what it began is bound to it. */
  readonly arrival: string;
  readonly language: string;
  /** `seconds` null: until the browser is closed. */
  keep(context: Context, name: string, value: string, seconds: number | null): void;
  drop(context: Context, name: string): void;
}

/**
 * The cookies of a console behind `publicUrl`. Lax, because the way back from Microsoft is a navigation from another
 * site. On https they are Secure and bound to this host by their prefix; on http://localhost browsers differ in whether
 * they take Secure cookies, so they have none.
 */
export function cookiesFor(publicUrl: string): Cookies {
  const secure = publicUrl.startsWith('https:');
  const name = (text: string): string => `${secure ? '__Host-' : ''}rcptgate-${text}`;
  const attributes = { path: '/', httpOnly: true, sameSite: 'Lax', secure } as const;
  return {
    session: name('session'),
    arrival: name('arrival'),
    language: name('language'),
    keep(context, cookie, value, seconds) {
      setCookie(context, cookie, value, seconds === null ? attributes : { ...attributes, maxAge: seconds });
    },
    drop(context, cookie) {
      setCookie(context, cookie, '', { ...attributes, maxAge: 0 });
    },
  };
}
