/** What the control socket answers about applications: joins the learning thread, the events and the commands' requests. */
import type { Acting } from './console/acting.ts';
import type { ApplicationFunctions } from './console/application-routes.ts';
import { normaliseDomain } from './core/address.ts';
import type { ApplicationState, EnteredCredential, Problem } from './core/application.ts';
import { type CloudName, isCloud } from './core/cloud.ts';
import {
  type ApplicationView,
  type Connection,
  isRunning,
  resultOf,
  wantsConsent,
  withProgress,
} from './core/connection.ts';
import { domainsOf, type Policy } from './core/policy.ts';
import type { ApplicationEvent, ConsentEvent } from './ops/application-events.ts';
import type { Learning } from './sync/thread.ts';

/** What is needed to answer. */
export interface ApplicationParts {
  readonly learning: Learning;
  /** As it is now; a reload gives another one. */
  readonly config: { readonly policy: Pick<Policy, 'domains'> };
  readonly events: {
    applicationSave(by: Acting, application: ApplicationEvent, generated: boolean): void;
    applicationDiscard(by: Acting, tenant: string): void;
    applicationAuthenticate(by: Acting, application: ApplicationEvent, error: Problem | null): void;
    applicationConsent(by: Acting, tenant: string, consent: ConsentEvent): void;
    applicationConnect(by: Acting, tenant: string, outcome: string, error: Problem | null): void;
    applicationAdopt(by: Acting, application: ApplicationEvent, organization: string): void;
  };
}

/** The functions behind the control socket. */
export function applicationFunctions(parts: ApplicationParts, now: () => number): ApplicationFunctions {
  const { learning, events } = parts;
  const connections = openConnections(parts, now);
  const view = (state: ApplicationState): ApplicationView => ({
    ...state,
    domains: domainsOf(parts.config.policy, state.tenant),
    connection: connections.of(state.tenant),
  });
  return {
    list: async () => (await learning.operator('applications', null)).map(view),
    async save(tenant, given, by) {
      const { application_id: applicationId = '', cloud, expires } = given;
      const answer = await learning.operator('applicationSave', {
        tenant,
        applicationId: String(applicationId),
        cloud: isCloud(cloud) ? cloud : null,
        expires: typeof expires === 'number' ? expires : null,
        credential: credentialIn(given),
        who: by.who,
      });
      const { state } = answer;
      if (answer.ok) {
        connections.forget(state.tenant);
        events.applicationSave(by, eventOf(state), (state.pending ?? state.used)?.generated === true);
      }
      return { ...answer, state: view(state) };
    },
    async authenticate(tenant, by) {
      const answer = await learning.operator('applicationTry', { tenant });
      events.applicationAuthenticate(by, eventOf(answer.state), answer.ok ? null : answer.problem);
      return { ...answer, state: view(answer.state) };
    },
    async consent(tenant, shared, by) {
      const states = await learning.operator('applications', null);
      const state = states.find((each) => each.tenant === tenant.toLowerCase());
      if (!state) throw new Error(`there is no tenant ${tenant}`);
      const { applicationId } = eventOf(state);
      if (applicationId !== null) events.applicationConsent(by, state.tenant, { shared, outcome: 'asked' });
      return { applicationId, login: state.login, graph: state.graph };
    },
    async declined(tenant, shared, code, by) {
      const known = (await learning.operator('applications', null)).some((each) => each.tenant === tenant);
      if (!known) throw new Error(`there is no tenant ${tenant}`);
      events.applicationConsent(by, tenant, { shared, outcome: 'declined', code });
      return {};
    },
    connect: (tenant, patient, by) => connections.begin(tenant.toLowerCase(), patient, by),
    async discard(tenant, by) {
      const { discarded, state } = await learning.operator('applicationDiscard', { tenant });
      connections.forget(state.tenant);
      if (discarded) events.applicationDiscard(by, state.tenant);
      return { discarded, state: view(state) };
    },
    async tenantOf(text, cloud) {
      const domain = normaliseDomain(text.trim());
      if (domain === null) {
        const problem = { code: 'domain', message: `"${text}" is not a domain name`, hint: '' };
        return { ok: false, problem };
      }
      return learning.operator('domainTenant', { domain, cloud: cloudOf(cloud) });
    },
  };
}

function cloudOf(text: string): CloudName {
  return isCloud(text) ? text : 'global';
}

/** `certificate` with `key`, `generate`, `secret`; nothing of it: what was entered before. */
function credentialIn(given: Readonly<Record<string, unknown>>): EnteredCredential {
  const text = (name: string): string => (typeof given[name] === 'string' ? given[name] : '');
  if (given.generate === true) return { kind: 'generate' };
  if (text('certificate') !== '' || text('key') !== '') {
    const passphrase = text('passphrase') === '' ? null : text('passphrase');
    return { kind: 'certificate', certificate: text('certificate'), key: text('key'), passphrase };
  }
  return text('secret') === '' ? { kind: 'keep' } : { kind: 'secret', secret: text('secret') };
}

function eventOf({ tenant, file, pending, used }: ApplicationState): ApplicationEvent {
  const { applicationId = null, kind = null } = file ?? pending ?? used ?? {};
  return { tenant, applicationId, kind };
}

/** The connections that were begun, one a tenant. */
function openConnections({ learning, events }: ApplicationParts, now: () => number) {
  const all = new Map<string, Connection>();
  const of = (tenant: string): Connection | null => all.get(tenant) ?? null;
  const move = (tenant: string, step: Partial<Connection>): Connection => {
    const before = all.get(tenant) ?? begun(now());
    const moved = { ...before, ...step };
    all.set(tenant, moved);
    return moved;
  };
  const end = (tenant: string, by: Acting, step: Partial<Connection> & Pick<Connection, 'phase'>): void => {
    const { phase, problem } = move(tenant, { ...step, endedAt: now() });
    events.applicationConnect(by, tenant, phase, problem);
  };
  const fail = (tenant: string, by: Acting, problem: Problem, phase: 'failed' | 'consent' = 'failed'): void =>
    end(tenant, by, { phase, problem });

  /** Proves; true when the import is to follow. */
  const prove = async (tenant: string, patient: boolean, by: Acting): Promise<number | null> => {
    const proof = await learning.operator('applicationProve', { tenant, patient });
    if (!proof.ok) {
      fail(tenant, by, proof.problem, wantsConsent(proof.problem) ? 'consent' : 'failed');
      return null;
    }
    const { organization, adopted, domains, state } = proof;
    if (adopted) events.applicationAdopt(by, eventOf(state), organization);
    move(tenant, { phase: 'importing', organization, adopted });
    return domains;
  };
  const importAll = async (tenant: string, domains: number, by: Acting): Promise<void> => {
    const [report] = await learning.sync(tenant, (step) => {
      move(tenant, { progress: withProgress(of(tenant)?.progress ?? [], step) });
    });
    const status = (await learning.status()).find((each) => each.tenant === tenant);
    const { objects = {}, addresses = 0 } = status ?? {};
    const problem = report?.error ?? report?.streams.find(({ error }) => error)?.error ?? null;
    const complete = report?.outcome === 'ok' || report?.outcome === 'partial';
    const result = complete ? resultOf(objects, addresses, domains) : null;
    end(tenant, by, { phase: complete ? 'done' : 'failed', problem, result });
  };
  const broken = (tenant: string, by: Acting) => (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    fail(tenant, by, { code: 'broken', message, hint: '' });
  };
  return {
    of,
    forget(tenant: string): void {
      if (!isRunning(of(tenant))) all.delete(tenant);
    },
    /** Begins unless one is running. Without patience the answer waits for the proof, which takes a second or two. */
    async begin(tenant: string, patient: boolean, by: Acting): Promise<Connection | null> {
      if (isRunning(of(tenant))) return of(tenant);
      all.set(tenant, begun(now()));
      const proof = prove(tenant, patient, by);
      const whole = proof.then((domains) => (domains === null ? undefined : importAll(tenant, domains, by)));
      void whole.catch(broken(tenant, by));
      if (!patient) await proof.catch(() => null);
      return of(tenant);
    },
  };
}

function begun(startedAt: number): Connection {
  return {
    phase: 'proving',
    startedAt,
    endedAt: null,
    organization: null,
    adopted: false,
    progress: [],
    result: null,
    problem: null,
  };
}
