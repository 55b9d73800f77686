/**
 * The part of the control socket that tells what was answered. Times are in ms since 1970; `tenants` (a list with commas)
 * restricts every answer to rows of these tenants.
 *
 *   GET /v1/rejections        since until recipient client domain tenant reason verdict text limit cursor
 *   GET /v1/rejections/top    the same filters, by=recipients|clients|domains|reasons
 *   GET /v1/history           since until step (seconds) tenant domain
 *   GET /v1/references/{ref}  the answers that carried a reference
 *   GET /v1/regrets           since until recipient tenant limit cursor
 */
import type { Context, Hono } from 'hono';
import { referenceNumber } from '../core/reference.ts';
import type { History, Page, ReferenceEntry, RegretRow, RejectionRow, TopRow } from '../core/rejection.ts';
import {
  type HistoryQuery,
  type ReadQuery,
  type RejectionQuery,
  readHistoryQuery,
  readRegretQuery,
  readRejectionQuery,
  readTenants,
  readTopQuery,
  type TopQuery,
} from '../core/rejection-query.ts';
import type { ControlEnv } from './acting.ts';

/** Each function is given by the composition root, and rejects while the log cannot be asked. */
export interface RejectionFunctions {
  list(query: RejectionQuery): Promise<Page<RejectionRow>>;
  top(query: TopQuery): Promise<readonly TopRow[]>;
  history(query: HistoryQuery): Promise<History>;
  reference(reference: string, tenants: readonly string[] | null): Promise<readonly ReferenceEntry[]>;
  regrets(query: RejectionQuery): Promise<Page<RegretRow>>;
}

/** Adds the routes. */
export function rejectionRoutes(app: Hono<ControlEnv>, answer: RejectionFunctions): void {
  app.get('/v1/rejections', (context) =>
    answered(context, readRejectionQuery(context.req.query()), answer.list),
  );
  app.get('/v1/rejections/top', (context) => {
    return answered(context, readTopQuery(context.req.query()), async (query) => ({
      by: query.by,
      rows: await answer.top(query),
    }));
  });
  app.get('/v1/history', (context) => {
    return answered(context, readHistoryQuery(context.req.query(), Date.now()), answer.history);
  });
  app.get('/v1/regrets', (context) =>
    answered(context, readRegretQuery(context.req.query()), answer.regrets),
  );
  app.get('/v1/references/:reference', async (context) => {
    const reference = context.req.param('reference');
    if (referenceNumber(reference) === null) {
      return context.json({ error: 'a reference has six letters and digits, such as 7F3K2Q' }, 400);
    }
    const entries = await answer.reference(reference, readTenants(context.req.query('tenants')));
    return context.json({ reference, entries });
  });
}

async function answered<Query, Answer extends object>(
  context: Context,
  read: ReadQuery<Query>,
  answer: (query: Query) => Promise<Answer>,
): Promise<Response> {
  if (!read.ok) return context.json({ error: read.problems.join('; ') }, 400);
  return context.json(await answer(read.query));
}
