/**
 * Where Microsoft sends a browser after admin consent. Anybody can open this address, so nothing of its query is believed
 * beyond the one-shot state, and a stranger sees nothing but whether it worked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, Hono } from 'hono';
import { explainProblem } from '../../core/problems.ts';
import { actorOf } from '../site/daemon.ts';
import { done } from '../site/notice.ts';
import type { OneShots } from '../site/one-shot.ts';
import { openPage, page } from '../site/page.tsx';
import type { OpenEnv, SiteEnv } from '../site/section.ts';
import type { Applications } from './applications.ts';
import { CONSENT_PATH, type ConsentReply, type PendingConsent, readConsent } from './consent.ts';
import { OAUTH_WORDS } from './words.ts';

interface Parts {
  readonly applications: Applications;
  readonly states: OneShots<PendingConsent>;
}

/** How often, and how long (ms), the proof of a shared consent is looked at. */
const LOOK = 500;
const LONGEST = 60_000;

/** Adds the callback and the two pages on which a shared link ends; paths relative to `/oauth`. */
export function consentRoutes(app: Hono<OpenEnv>, { applications, states }: Parts): void {
  app.get('/consent', async (context) => {
    const session = context.get('arrival').visit?.session ?? null;
    const reply = readConsent(new URL(context.req.url).searchParams, states, session);
    if (reply.kind === 'refused') return refused(context, reply);
    if (reply.consent.shared) return shared(context, reply, applications);
    return own(context, reply, applications);
  });
  app.get('/consent/:end{done|failed}', (context) => {
    const words = OAUTH_WORDS[context.get('arrival').language];
    const worked = context.req.param('end') === 'done';
    const body = (
      <p class={worked ? 'done' : 'problem'} role="status">
        {worked ? words.consentDone : words.consentFailed}
      </p>
    );
    return openPage(context, { title: words.consentTitle, body });
  });
}

type Refusal = Pick<Extract<ConsentReply, { kind: 'refused' }>, 'why'> & { readonly code?: string };

/** Anybody can write such an answer, so of its text only what has the form of a code is shown. */
function refused(context: Context<OpenEnv>, { why, code = '' }: Refusal): Response {
  const { language, visit } = context.get('arrival');
  const words = OAUTH_WORDS[language];
  const body = (
    <>
      <p class="problem" role="alert">
        {words.consentRefused[why]} {/^\w{1,40}$/.test(code) && <code>{code}</code>}
      </p>
      <p>
        <a href="/oauth">{words.back}</a>
      </p>
    </>
  );
  const options = { title: words.consentTitle, body, status: 400 } as const;
  if (visit === null) return openPage(context, options);
  const signedIn = context as unknown as Context<SiteEnv>;
  signedIn.set('visit', visit);
  return page(signedIn, options);
}

type Answered = Exclude<ConsentReply, { kind: 'refused' }>;

/** The session that began it goes on with the proof, on an address without the query. */
async function own(
  context: Context<OpenEnv>,
  reply: Answered,
  applications: Applications,
): Promise<Response> {
  const { language, visit } = context.get('arrival');
  const { tenant } = reply.consent;
  if (visit === null) return refused(context, { why: 'foreign' });
  if (reply.kind === 'declined') {
    const { code } = reply;
    await applications.declined(tenant, false, code, actorOf(visit));
    const known = explainProblem({ code, message: '' });
    const text = known === null ? code : `${known.means[language]} (${code}). ${known.fix[language]}`;
    return done(context as unknown as Context<SiteEnv>, `/oauth/${tenant}`, { kind: 'problem', text });
  }
  await applications.connect(tenant, true, actorOf(visit));
  return context.redirect(`/oauth/${tenant}/progress`, 303);
}

/** Somebody else: the proof is waited for, so that the page can say whether it worked. */
async function shared(
  context: Context<OpenEnv>,
  reply: Answered,
  applications: Applications,
): Promise<Response> {
  const { from } = context.get('arrival');
  const { tenant, who } = reply.consent;
  const actor = { who: `consent link of ${who}`, from };
  if (reply.kind === 'declined') {
    await applications.declined(tenant, true, reply.code, actor);
    return context.redirect(`${CONSENT_PATH}/failed`, 303);
  }
  await applications.connect(tenant, true, actor);
  const worked = await proven(tenant, applications);
  return context.redirect(`${CONSENT_PATH}/${worked ? 'done' : 'failed'}`, 303);
}

async function proven(tenant: string, applications: Applications): Promise<boolean> {
  for (let waited = 0; waited < LONGEST; waited += LOOK) {
    const phase = (await applications.find(tenant))?.connection?.phase;
    if (phase !== 'proving') return phase === 'importing' || phase === 'done';
    await sleep(LOOK);
  }
  return false;
}
