/** The routes of the rejection log: what they pass on, and what they refuse. */
import { describe, expect, it } from 'vitest';
import { type ControlFunctions, controlRoutes } from '../../src/console/control.ts';
import type { RejectionFunctions } from '../../src/console/rejections-routes.ts';
import { SILENT_OPERATOR } from './operator.ts';

function routes() {
  const asked: unknown[] = [];
  const note = async (...values: unknown[]) => {
    asked.push(...values);
    return [] as never;
  };
  const rejections: RejectionFunctions = {
    list: note,
    top: note,
    history: note,
    reference: note,
    regrets: note,
  };
  const nothing = async () => null;
  const functions = {
    status: nothing,
    check: nothing,
    sync: nothing,
    approve: nothing,
    metrics: async () => '',
  };
  const app = controlRoutes({ ...functions, operator: SILENT_OPERATOR, rejections } as ControlFunctions);
  return { asked, get: async (path: string) => app.request(path) };
}

describe('the routes', () => {
  it.each([
    ['/v1/rejections?limit=5&tenants=A,b', { limit: 5, tenants: ['a', 'b'], before: null }],
    ['/v1/rejections?tenants=', { tenants: [] }],
    ['/v1/rejections/top?by=clients', { by: 'clients', limit: 10 }],
    ['/v1/history?step=300&since=1000&until=2000', { step: 300_000, since: 1000, until: 2000 }],
    ['/v1/regrets?cursor=9', { before: 9 }],
  ])('%s', async (path, query) => {
    const { asked, get } = routes();
    expect((await get(path)).status).toBe(200);
    expect(asked).toMatchObject([query]);
  });

  it('take a reference and its tenants', async () => {
    const { asked, get } = routes();
    expect(await (await get('/v1/references/7f3k2q?tenants=t1')).json()).toEqual({
      reference: '7f3k2q',
      entries: [],
    });
    expect(asked).toEqual(['7f3k2q', ['t1']]);
  });

  it.each([
    [
      '/v1/rejections?limit=0&verdict=x',
      '"limit" must be a number from 1 to 1000; "verdict" must be one of reject, defer',
    ],
    ['/v1/history?step=7', '"step" must be a multiple of 300 seconds'],
    ['/v1/references/x', 'a reference has six letters and digits, such as 7F3K2Q'],
  ])('%s is refused in words', async (path, words) => {
    const { asked, get } = routes();
    const answer = await get(path);
    expect([answer.status, asked]).toEqual([400, []]);
    const { error } = (await answer.json()) as { error: string };
    expect(error.split('; ').sort()).toEqual(words.split('; ').sort());
  });
});
