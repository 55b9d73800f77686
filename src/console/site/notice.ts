/** One-time notices: what a form did, shown on the page after it. */
import type { Context } from 'hono';
import type { SiteEnv } from './section.ts';

/** `done`: it worked. `problem`: it did not, or not all of it. */
export interface Notice {
  readonly kind: 'done' | 'problem';
  /** In the visitor's language. */
  readonly text: string;
}

/** 303 to a page of the console, which shows the notice once. `path` is a path of ours, such as `/recipients`. */
export function done(context: Context<SiteEnv>, path: string, notice: Notice): Response {
  context.get('frame').leaveNotice(notice);
  return context.redirect(path, 303);
}
