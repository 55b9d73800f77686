/** The routes of the overrides: an entry is changed by whoever may change the tenant that it speaks for. */
import type { Context, Hono } from 'hono';
import { actorOf } from '../site/daemon.ts';
import { type FormFields, formOf } from '../site/form.tsx';
import { done } from '../site/notice.ts';
import { page } from '../site/page.tsx';
import { quotedText } from '../site/quoted.tsx';
import type { SiteEnv } from '../site/section.ts';
import { Refused } from '../site/trouble.tsx';
import { mayChange, maySee, type Visit } from '../site/visit.ts';
import { EMPTY_FORM, formFor, OverrideFields, type OverrideForm, OverridesBody } from './overrides.tsx';
import type { RecipientQuestions } from './questions.ts';
import { RECIPIENT_WORDS } from './words.ts';

const BASE = '/recipients/overrides';

interface Parts {
  readonly ask: RecipientQuestions;
  readonly now: () => number;
}

/** Adds the routes below `/recipients/overrides`. */
export function overrideRoutes(app: Hono<SiteEnv>, parts: Parts): void {
  app.get('/overrides', async (context) => {
    const visit = context.get('visit');
    const entries = await visible(visit, parts);
    const { title } = RECIPIENT_WORDS[visit.language].overrides;
    return page(context, { title, body: <OverridesBody visit={visit} entries={entries} /> });
  });
  app.get('/overrides/edit', async (context) => {
    const visit = context.get('visit');
    if (visit.visitor.role !== 'admin') throw new Refused('adminOnly', 403);
    const match = context.req.query('match') ?? '';
    if (match === '') return formPage(context, { form: EMPTY_FORM, replaces: false, problems: [] });
    const owner = await parts.ask.owner(match);
    if (owner.match !== null && !mayChange(visit.visitor, owner.tenant)) throw new Refused('notFound', 404);
    const entries = await visible(visit, parts);
    const found = entries.find((each) => each.match === owner.match && each.source === 'command');
    const form = found ? formFor(found) : { ...EMPTY_FORM, match };
    return formPage(context, { form, replaces: found !== undefined, problems: [] });
  });
  app.post('/overrides/save', async (context) => save(context, parts));
  app.post('/overrides/end', async (context) => end(context, parts));
  app.post('/overrides/remove', async (context) => remove(context, parts));
}

async function visible({ visitor }: Visit, { ask }: Parts) {
  return (await ask.overrides()).filter(({ tenant }) => maySee(visitor, tenant));
}

interface FormState {
  readonly form: OverrideForm;
  readonly replaces: boolean;
  readonly problems: ReadonlyArray<{ readonly key: string; readonly problem: string }>;
}

function formPage(context: Context<SiteEnv>, state: FormState): Response {
  const visit = context.get('visit');
  const words = RECIPIENT_WORDS[visit.language].overrides;
  const title = state.replaces ? words.editTitle(quotedText(state.form.match)) : words.add;
  const status = state.problems.length > 0 ? 422 : 200;
  return page(context, { title, status, body: <OverrideFields visit={visit} {...state} /> });
}

/** The match of the form in its normal form, which the visitor may change; null when it can match nobody. */
async function ownMatch(visit: Visit, form: FormFields, { ask }: Parts): Promise<string | null> {
  const owner = await ask.owner(form.text('match'));
  if (owner.match !== null && !mayChange(visit.visitor, owner.tenant)) throw new Refused('notAllowed', 403);
  return owner.match;
}

async function save(context: Context<SiteEnv>, parts: Parts): Promise<Response> {
  const visit = context.get('visit');
  const words = RECIPIENT_WORDS[visit.language].overrides;
  const fields = await formOf(context);
  const form: OverrideForm = {
    match: fields.text('match'),
    action: fields.text('action'),
    text: fields.text('text'),
    note: fields.text('note'),
    expires: fields.text('expires'),
  };
  const match = await ownMatch(visit, fields, parts);
  if (match === null) {
    return formPage(context, {
      form,
      replaces: false,
      problems: [{ key: words.match, problem: words.badMatch }],
    });
  }
  // What was left empty is not said at all.
  const given = Object.fromEntries(Object.entries({ ...form, match }).filter(([, value]) => value !== ''));
  const added = await parts.ask.saveOverride(given, actorOf(visit));
  if (!added.ok) return formPage(context, { form, replaces: false, problems: added.problems });
  const text = (added.replaced ? words.replaced : words.added)(quotedText(match));
  return done(context, BASE, { kind: 'done', text });
}

/** Ends an entry without forgetting it: the list still shows what it was. */
async function end(context: Context<SiteEnv>, parts: Parts): Promise<Response> {
  const visit = context.get('visit');
  const words = RECIPIENT_WORDS[visit.language].overrides;
  const fields = await formOf(context);
  const match = await ownMatch(visit, fields, parts);
  const found = (await visible(visit, parts)).find(
    (each) => each.match === match && each.source === 'command',
  );
  if (!found) {
    return done(context, BASE, { kind: 'problem', text: words.missing(quotedText(fields.text('match'))) });
  }
  const form = { ...formFor(found), expires: new Date(parts.now()).toISOString() };
  const given = Object.fromEntries(Object.entries(form).filter(([, value]) => value !== ''));
  const added = await parts.ask.saveOverride(given, actorOf(visit));
  if (!added.ok) return formPage(context, { form, replaces: true, problems: added.problems });
  return done(context, BASE, { kind: 'done', text: words.ended(quotedText(found.match)) });
}

async function remove(context: Context<SiteEnv>, parts: Parts): Promise<Response> {
  const visit = context.get('visit');
  const words = RECIPIENT_WORDS[visit.language].overrides;
  const fields = await formOf(context);
  const match = (await ownMatch(visit, fields, parts)) ?? fields.text('match');
  const { removed, inFile } = await parts.ask.removeOverride(match, actorOf(visit));
  const name = quotedText(match);
  if (inFile) return done(context, BASE, { kind: 'problem', text: words.alsoInFile(name) });
  if (!removed) return done(context, BASE, { kind: 'problem', text: words.missing(name) });
  return done(context, BASE, { kind: 'done', text: words.removed(name) });
}
