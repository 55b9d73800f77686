/** The routes of the import: upload, preview, confirmation of the very same bytes, removal. */
import type { Context, Hono } from 'hono';
import type { ExchangeExport } from '../../core/exchange-export.ts';
import { encodeImportBytes } from '../../core/import-plan.ts';
import { actorOf } from '../site/daemon.ts';
import { formOf } from '../site/form.tsx';
import { numberText } from '../site/format.tsx';
import { done } from '../site/notice.ts';
import { page } from '../site/page.tsx';
import { quotedText } from '../site/quoted.tsx';
import type { SiteEnv } from '../site/section.ts';
import { Refused } from '../site/trouble.tsx';
import { mayChange, maySee } from '../site/visit.ts';
import { ImportBody, limitText } from './import.tsx';
import { PreviewBody } from './import-preview.tsx';
import type { PendingImport, PendingImports } from './pending-imports.ts';
import type { ImportResult, RecipientQuestions } from './questions.ts';
import type { ReadUpload } from './upload.ts';
import { RECIPIENT_WORDS } from './words.ts';

const BASE = '/recipients/import';

interface Parts {
  readonly ask: RecipientQuestions;
  readonly pending: PendingImports;
  readonly read: ReadUpload;
  readonly now: () => number;
}

/** Adds the routes below `/recipients/import`. */
export function importRoutes(app: Hono<SiteEnv>, parts: Parts): void {
  app.get('/import', async (context) => {
    const visit = context.get('visit');
    const tenants = (await parts.ask.tenants()).filter(({ tenant }) => maySee(visit.visitor, tenant));
    const body = <ImportBody visit={visit} tenants={tenants} now={parts.now()} />;
    return page(context, { title: RECIPIENT_WORDS[visit.language].import.title, body });
  });
  app.post('/import/upload', async (context) => upload(context, parts));
  app.get('/import/preview', async (context) => {
    const visit = context.get('visit');
    const words = RECIPIENT_WORDS[visit.language].import;
    const name = context.req.query('upload') ?? '';
    const pending = parts.pending.look(visit.session, name);
    if (!pending) return problem(context, words.late);
    const tenants = await parts.ask.tenants();
    const { domains = [] } = tenants.find(({ tenant }) => tenant === pending.tenant) ?? {};
    return page(context, {
      title: words.preview,
      body: <PreviewBody visit={visit} pending={pending} name={name} domains={domains} />,
    });
  });
  app.post('/import/confirm', async (context) => confirm(context, parts));
  app.post('/import/cancel', async (context) => {
    const visit = context.get('visit');
    parts.pending.take(visit.session, (await formOf(context)).text('upload'));
    const text = RECIPIENT_WORDS[visit.language].import.cancelled;
    return done(context, BASE, { kind: 'done', text });
  });
  app.post('/import/remove', async (context) => remove(context, parts));
}

function problem(context: Context<SiteEnv>, text: string, path = BASE): Response {
  return done(context, path, { kind: 'problem', text });
}

/** The tenant of the form, which the visitor may change. */
function tenantIn(context: Context<SiteEnv>, text: string): string {
  const tenant = text.toLowerCase();
  if (!mayChange(context.get('visit').visitor, tenant)) throw new Refused('notAllowed', 403);
  return tenant;
}

async function upload(context: Context<SiteEnv>, { ask, pending, read }: Parts): Promise<Response> {
  const visit = context.get('visit');
  const words = RECIPIENT_WORDS[visit.language].import;
  const form = await formOf(context);
  const tenant = tenantIn(context, form.text('tenant'));
  const file = await form.file('list');
  if (file === null) return problem(context, words.noFile);
  const name = quotedText(file.name) || 'upload.csv';
  const told = await read(file.bytes);
  if (told === 'busy') return problem(context, words.busy);
  if (told === 'too-many') return problem(context, words.tooMany(name, limitText(visit.language)));
  if (!told.ok) return problem(context, `${words.unreadable(name)}: ${quotedText(told.problem)}`);
  const list = encodeImportBytes(told.export.addresses);
  const result = await ask.importList(
    { tenant, file: name, list, dryRun: true, force: false },
    actorOf(visit),
  );
  if (!result.ok) return problem(context, words.refused(quotedText(result.problem)));
  const kept = { tenant, file: name, list, counts: countsOf(told.export), result };
  return toPreview(context, pending.keep(visit.session, kept));
}

function countsOf({ addresses, ...counts }: ExchangeExport): PendingImport['counts'] {
  const { rows, addressless, unusable, firstUnusable, warnings } = counts;
  return { rows, addressless, unusable, firstUnusable, warnings, addresses: addresses.size };
}

function toPreview(context: Context<SiteEnv>, name: string): Response {
  return context.redirect(`${BASE}/preview?${new URLSearchParams({ upload: name })}`, 303);
}

async function confirm(context: Context<SiteEnv>, { ask, pending }: Parts): Promise<Response> {
  const visit = context.get('visit');
  const words = RECIPIENT_WORDS[visit.language].import;
  const form = await formOf(context);
  const force = form.checked('force');
  const name = form.text('upload');
  const found = pending.look(visit.session, name);
  if (!found) return problem(context, words.late);
  const { tenant, file, list } = found;
  tenantIn(context, tenant);
  const preview = `${BASE}/preview?${new URLSearchParams({ upload: name })}`;
  if (found.result.plan.hold !== null && !force) return problem(context, words.forceNeeded, preview);
  pending.take(visit.session, name);
  const result = await ask.importList({ tenant, file, list, dryRun: false, force }, actorOf(visit));
  if (result.ok && !result.applied) {
    // What is imported has changed since the preview, and the guard has a new question.
    const again = pending.keep(visit.session, { ...found, result });
    return problem(context, words.forceNeeded, `${BASE}/preview?${new URLSearchParams({ upload: again })}`);
  }
  return answered(context, result, words.done);
}

async function remove(context: Context<SiteEnv>, { ask }: Parts): Promise<Response> {
  const visit = context.get('visit');
  const words = RECIPIENT_WORDS[visit.language].import;
  const form = await formOf(context);
  const tenant = tenantIn(context, form.text('tenant'));
  if (!form.checked('sure')) return problem(context, words.removeUnconfirmed);
  const nothing = { tenant, file: '(removed)', list: new Uint8Array(0), dryRun: false, force: true };
  const result = await ask.importList(nothing, actorOf(visit));
  return answered(context, result, words.removed, 'gone');
}

function answered(
  context: Context<SiteEnv>,
  result: ImportResult,
  words: (count: string) => string,
  count: 'after' | 'gone' = 'after',
): Response {
  const { language } = context.get('visit');
  if (!result.ok)
    return problem(context, RECIPIENT_WORDS[language].import.refused(quotedText(result.problem)));
  return done(context, BASE, { kind: 'done', text: words(numberText(language, result.plan[count])) });
}
