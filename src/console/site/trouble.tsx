/** The pages for what went wrong. */
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { DaemonUnreachable } from '../control-client.ts';
import { openPage, page } from './page.tsx';
import type { OpenEnv, SiteEnv } from './section.ts';
import { FRAME_WORDS } from './words.ts';

/** Why the frame refuses a request. */
export type Refusal = 'notFound' | 'notAllowed' | 'adminOnly' | 'badForm' | 'tooLarge' | 'tooMany';

/** A refusal of the frame; areas may throw it too (`new Refused('notAllowed', 403)`). */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusal: Refusal;
  readonly status: ContentfulStatusCode;

  constructor(refusal: Refusal, status: ContentfulStatusCode) {
    super(refusal);
    this.refusal = refusal;
    this.status = status;
  }
}

const HEADING = {
  notFound: 'notFound',
  notAllowed: 'notAllowed',
  adminOnly: 'notAllowed',
  badForm: 'badForm',
  tooLarge: 'tooLarge',
  tooMany: 'tooMany',
} as const;

/** Whether an error is a fault of ours, or of what we asked, that an operator should hear of. */
export function isFault(error: Error): boolean {
  return !(error instanceof Refused || error instanceof DaemonUnreachable || error instanceof HTTPException);
}

/** The page for an error that a handler threw. Strangers are not told what went wrong inside. */
export function answerTrouble(error: Error, context: Context<OpenEnv>): Response {
  const { language, visit } = context.get('arrival');
  const words = FRAME_WORDS[language];
  if (error instanceof Refused) {
    return troublePage(context, error.status, words[HEADING[error.refusal]], words[`${error.refusal}Text`]);
  }
  if (error instanceof DaemonUnreachable) {
    return troublePage(context, 503, words.unreachable, words.unreachableText);
  }
  const status = error instanceof HTTPException ? (error.status as ContentfulStatusCode) : 500;
  const text = isFault(error) && visit === null ? words.troubleText : error.message;
  return troublePage(context, status, words.trouble, text);
}

function troublePage(
  context: Context<OpenEnv>,
  status: ContentfulStatusCode,
  title: string,
  text: string,
): Response {
  const { visit, language } = context.get('arrival');
  const body = (
    <>
      <p class="problem" role="alert">
        {text}
      </p>
      <p>
        <a href="/">{FRAME_WORDS[language].back}</a>
      </p>
    </>
  );
  if (visit === null) return openPage(context, { title, body, status });
  const signedIn = context as unknown as Context<SiteEnv>;
  signedIn.set('visit', visit);
  return page(signedIn, { title, body, status });
}
