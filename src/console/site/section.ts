/** What the frame of the console needs to know of one area of pages. */
import type { Hono } from 'hono';
import type { Child } from 'hono/jsx';
import type { DaemonSide } from '../entrance/daemon-side.ts';
import type { Entrance } from '../entrance/entrance.ts';
import type { Daemon } from './daemon.ts';
import type { Notice } from './notice.ts';
import type { Sessions } from './sessions.ts';
import type { Account, Arrival, InEveryLanguage, Visit } from './visit.ts';

/** What the frame gives to every page. */
export interface Frame {
  readonly sections: readonly Section[];
  /** Path of the page that is shown, for the navigation. */
  readonly path: string;
  /** What the areas have to say above every page of this visit. */
  banners: readonly Child[];
  /** Path and query, for the language switch. */
  readonly here: string;
  /** What happened before this page; shown once. */
  takeNotice(): Notice | null;
  /** Keeps a notice for the next page of this session. */
  leaveNotice(notice: Notice): void;
}

/** The environment of pages that anybody may open. */
export type OpenEnv = { Variables: { arrival: Arrival; frame: Frame } };

/** The environment of pages for those who are signed in. */
export type SiteEnv = { Variables: { arrival: Arrival; frame: Frame; visit: Visit; form: FormData } };

/** What an area can work with. */
export interface SectionParts {
  readonly daemon: Daemon;
  /** Base URL of the console as browsers reach it, without a trailing slash. */
  readonly publicUrl: string;
  readonly now: () => number;
  /** For the Access page. */
  readonly people: People;
}

/** Who may enter, and how. */
export interface People {
  readonly entrance: Entrance;
  readonly side: DaemonSide;
  readonly sessions: Sessions;
  /** Named in the configuration. */
  readonly admins: readonly Account[];
  readonly readers: readonly Account[];
}

/** One area of pages. The navigation shows its title. */
export interface Section {
  /** Such as `/status`; all routes of the area are below it. */
  readonly path: string;
  readonly title: InEveryLanguage<string>;
  /** Readers neither see nor open it. */
  readonly adminOnly?: boolean;
  /** Bodies larger than 64 KB: the largest in bytes, by path below `path` such as `/import`. */
  readonly uploads?: Readonly<Record<string, number>>;
  /**
   * Adds the routes, relative to `path`, for those who are signed in. A GET changes nothing. A POST arrives only with
   * a form, its CSRF field, and from an admin; whether it is an admin of the tenant in question, `mayChange` says.
   */
  mount(app: Hono<SiteEnv>): void;
  /** Adds routes, relative to `path`, that anybody may open (GET only). They come before those of `mount`. */
  mountOpen?(app: Hono<OpenEnv>): void;
  /** Where a visit begins when something there comes first, such as setting up; null otherwise. */
  start?(visit: Visit): Promise<string | null>;
  /** What stands above every page of a visit, such as a warning; null for nothing. Quick, because every page waits for it. */
  banner?(visit: Visit): Promise<Child>;
}
