/** The console put together: frame, entrance and areas over a daemon. Without a server, so that tests need none. */
import type { Context, Hono } from 'hono';
import { daemonSide } from './entrance/daemon-side.ts';
import { openEntrance } from './entrance/entrance.ts';
import { entrancePages } from './entrance/pages.tsx';
import { openArrivals } from './entrance/problem.ts';
import type { ConsoleNews, ConsoleSettings } from './ipc.ts';
import { siteAddress } from './site/address.ts';
import { Attempts } from './site/attempts.ts';
import { type Cookies, cookiesFor } from './site/cookies.ts';
import type { Daemon } from './site/daemon.ts';
import type { OpenEnv, Section, SectionParts } from './site/section.ts';
import { Sessions } from './site/sessions.ts';
import { createSite } from './site/site.tsx';

export interface AssembleParts {
  readonly settings: Omit<ConsoleSettings, 'controlSocket' | 'token' | 'trustedProxies' | 'inherited'>;
  readonly daemon: Daemon;
  readonly sections: (parts: SectionParts) => readonly Section[];
  readonly tell: (news: ConsoleNews) => void;
  readonly clientAddress: (context: Context) => string;
  readonly now: () => number;
}

export interface Assembled {
  readonly app: Hono<OpenEnv>;
  readonly sessions: Sessions;
  readonly cookies: Cookies;
  readonly publicUrl: string;
}

/** Style sheets and scripts. */
const ASSETS = new URL('./assets/', import.meta.url);

/** Puts the console together. */
export function assembleConsole(parts: AssembleParts): Assembled {
  const { settings, daemon, tell, now, clientAddress } = parts;
  const { admins, readers, loginOrigins } = settings;
  const address = siteAddress(settings.publicUrl, settings.host, settings.port);
  const { publicUrl } = address;
  const cookies = cookiesFor(publicUrl);
  const sessions = new Sessions({ longest: settings.session, idle: settings.sessionIdle });
  const side = daemonSide(daemon, now);
  const arrivals = openArrivals(cookies);
  const attempts = new Attempts();
  const lists = { admins, readers };
  const entrance = openEntrance({
    publicUrl,
    cookies,
    sessions,
    attempts,
    arrivals,
    side,
    ...lists,
    tell,
    now,
  });
  const people = { entrance, side, sessions, ...lists };
  const app = createSite({
    address,
    sessions,
    cookies,
    sections: parts.sections({ daemon, publicUrl, now, people }),
    loginOrigins,
    assets: ASSETS,
    entrance: (site) => entrancePages(site, { address, entrance, arrivals, side }),
    left: ({ visitor, from }) => tell({ news: 'sign-out', who: visitor.who, from }),
    fault: (path, { message }) => tell({ news: 'fault', path: path.slice(0, 200), error: message }),
    clientAddress,
    now,
  });
  return { app, sessions, cookies, publicUrl };
}
