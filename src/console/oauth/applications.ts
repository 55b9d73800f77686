/** The applications of tenants as the daemon tells them; shared by the OAuth settings and the set-up guide. */
import type { Problem } from '../../core/application.ts';
import type { ApplicationView, Connection } from '../../core/connection.ts';
import { type Actor, actorOf, type Daemon } from '../site/daemon.ts';
import { Refused } from '../site/trouble.tsx';
import { maySee, type Visit } from '../site/visit.ts';
import { isRecord } from './record.ts';

/** What a change came to. */
export type Changed = { readonly ok: true } | { readonly ok: false; readonly problem: Problem };

/** What a consent link is made of. */
export interface ConsentParts {
  /** null when nothing was saved. */
  readonly applicationId: string | null;
  readonly login: string;
  readonly graph: string;
}

export interface Applications {
  /** Those that the visitor may see. */
  seenBy(visit: Visit): Promise<readonly ApplicationView[]>;
  /** One of them. @throws Refused when it is not. */
  one(visit: Visit, tenant: string): Promise<ApplicationView>;
  /** One of them whoever asks; null when it is not configured. */
  find(tenant: string): Promise<ApplicationView | null>;
  save(tenant: string, body: object, visit: Visit): Promise<Changed>;
  authenticate(tenant: string, visit: Visit): Promise<void>;
  discard(tenant: string, visit: Visit): Promise<void>;
  consent(tenant: string, shared: boolean, visit: Visit): Promise<ConsentParts>;
  /** Notes that a consent came back declined. */
  declined(tenant: string, shared: boolean, code: string, actor: Actor): Promise<void>;
  connect(tenant: string, patient: boolean, actor: Actor): Promise<Connection | null>;
}

/** The daemon's answers; only their form as a whole is checked, because the daemon and this page are of one version. */
export function applicationsOf(daemon: Daemon): Applications {
  const all = async (): Promise<readonly ApplicationView[]> => {
    const list = await daemon.get('/v1/applications');
    if (!Array.isArray(list)) throw new Error('the daemon did not list the applications');
    return list.filter((each) => isRecord(each) && typeof each.tenant === 'string') as ApplicationView[];
  };
  const post = (tenant: string, action: string, body: object, actor: Actor): Promise<unknown> =>
    daemon.post(`/v1/applications/${tenant}/${action}`, body, actor);
  const find = async (tenant: string): Promise<ApplicationView | null> =>
    (await all()).find((each) => each.tenant === tenant.toLowerCase()) ?? null;
  return {
    find,
    seenBy: async ({ visitor }) => (await all()).filter(({ tenant }) => maySee(visitor, tenant)),
    async one({ visitor }, tenant) {
      const found = maySee(visitor, tenant) ? await find(tenant) : null;
      if (found === null) throw new Refused('notFound', 404);
      return found;
    },
    save: async (tenant, body, visit) => (await post(tenant, 'save', body, actorOf(visit))) as Changed,
    authenticate: async (tenant, visit) => void (await post(tenant, 'authenticate', {}, actorOf(visit))),
    discard: async (tenant, visit) => void (await post(tenant, 'discard', {}, actorOf(visit))),
    consent: async (tenant, shared, visit) =>
      (await post(tenant, 'consent', { shared }, actorOf(visit))) as ConsentParts,
    declined: async (tenant, shared, code, actor) =>
      void (await post(tenant, 'declined', { shared, code }, actor)),
    connect: async (tenant, patient, actor) =>
      (await post(tenant, 'connect', { patient }, actor)) as Connection | null,
  };
}
