/**
 * The learning thread's answers about applications: saved, tried, proven. What is in use is replaced by what was proven and
 * by nothing else; every failure leaves it as it is. Joins graph, mirror, seal and sync.
 */
import { randomUUID } from 'node:crypto';
import { type ApplicationStore, notSetUp, openApplicationStore } from './application-store.ts';
import {
  type ApplicationAnswer,
  type ApplicationSettings,
  type ApplicationState,
  type EnteredApplication,
  hintOf,
  isGuid,
  type Problem,
  type Trial,
} from './core/application.ts';
import { CLOUDS } from './core/cloud.ts';
import { PROBLEMS, problemOf } from './core/problems.ts';
import type { Credential } from './graph/credential.ts';
import { readCredential } from './graph/credential-file.ts';
import { tenantOfDomain } from './graph/domain-tenant.ts';
import { enteredCredential } from './graph/entered-credential.ts';
import { done, type GraphFailure, type Outcome } from './graph/failure.ts';
import type { Http } from './graph/http.ts';
import { authenticate, type Candidate, type Proof, prove } from './graph/trial.ts';
import type { Mirror } from './mirror/mirror.ts';
import { endpointsOf } from './sign-in.ts';
import type { ApplicationRequestName, ProofAnswer } from './sync/application-protocol.ts';
import type { LearnerSettings, LearnerTenant, RequestHandlers } from './sync/protocol.ts';

export interface ApplicationDeps {
  readonly settings: LearnerSettings;
  /** Throws while there is none. */
  readonly mirror: () => Mirror;
  readonly http: Http;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** End of the credential in use, ms since 1970; null when unknown. */
  readonly expires: (tenant: string) => number | null;
  /** From now on the tenant signs in as it is set up now. */
  readonly reopen: (tenant: string) => void;
}

/** Waits between attempts to prove an application to which consent was given just now, ms: half a minute in all. */
const CONSENT_WAITS = [1000, 2000, 4000, 8000, 15_000];

type Place = 'pending' | 'used' | 'file';

/** One tenant's application, as the handlers work with it. */
interface Subject {
  readonly tenant: LearnerTenant;
  readonly store: ApplicationStore;
  /** Of the credential in the file, which has no settings to be kept in. */
  readonly trials: Map<string, Trial>;
  readonly expires: ApplicationDeps['expires'];
}

/** The handlers. A tenant that is not configured is an Error. */
export function applicationHandlers(deps: ApplicationDeps): Pick<RequestHandlers, ApplicationRequestName> {
  const trials = new Map<string, Trial>();
  const subjectOf = (id: string): Subject => {
    const tenant = deps.settings.tenants.find((each) => each.id === id.toLowerCase());
    if (!tenant) throw new Error(`there is no tenant ${id}`);
    const store = openApplicationStore(deps.mirror().applications, deps.settings.masterKey, tenant.id);
    return { tenant, store, trials, expires: deps.expires };
  };
  return {
    applications: async () => deps.settings.tenants.map(({ id }) => stateOf(subjectOf(id))),
    applicationSave: (entered) => save(subjectOf(entered.tenant), entered, deps.now()),
    applicationTry: ({ tenant }) => attempt(subjectOf(tenant), deps),
    applicationProve: ({ tenant, patient }) => proveApplication(subjectOf(tenant), patient, deps),
    async applicationDiscard({ tenant }) {
      const subject = subjectOf(tenant);
      const discarded = subject.store.settings('pending') !== null;
      subject.store.drop('pending');
      return { discarded, state: stateOf(subject) };
    },
    async domainTenant({ domain, cloud }) {
      const fixed = deps.settings.tenants.find(({ cloudFixed }) => cloudFixed);
      const login = fixed?.login ?? CLOUDS[cloud].login;
      const found = await tenantOfDomain(domain, login, deps.http);
      return found.ok
        ? { ok: true, tenant: found.value }
        : { ok: false, problem: problemFrom(found.failure) };
    },
  };
}

function stateOf({ tenant, store, trials, expires }: Subject): ApplicationState {
  const { id, applicationId, credential, cloudFixed = false } = tenant;
  const inFile = credential !== null && applicationId !== null;
  const [used, pending] = inFile ? [null, null] : [store.settings('used'), store.settings('pending')];
  const files =
    credential === null
      ? []
      : Object.entries(credential).flatMap(([name, value]) =>
          name.endsWith('File') && typeof value === 'string' ? [value] : [],
        );
  return {
    tenant: id,
    file: inFile ? { applicationId, kind: credential.kind, files, expires: expires(id) } : null,
    ...endpointsOf(tenant, pending ?? used),
    cloudFixed,
    used,
    pending,
    trial: trials.get(id) ?? null,
  };
}

async function save(subject: Subject, entered: EnteredApplication, now: number): Promise<ApplicationAnswer> {
  const { store, tenant } = subject;
  const refuse = (problem: Problem): ApplicationAnswer => ({ ok: false, problem, state: stateOf(subject) });
  const applicationId = entered.applicationId.trim().toLowerCase();
  if (tenant.credential !== null) return refuse(problemOf('in-file'));
  if (!isGuid(applicationId)) return refuse(problemOf('application-id'));
  if (applicationId === tenant.id) return refuse(problemOf('application-is-tenant'));
  const cloud = tenant.cloudFixed ? null : entered.cloud;
  const whole = { ...entered, applicationId, cloud };
  if (entered.credential.kind === 'keep' && onlyEndChanges(store, whole)) {
    restateEnd(store, 'used', entered.expires);
    return { ok: true, state: stateOf(subject) };
  }
  const ready = await settingsFor(store, whole, now);
  if (!ready.ok) return refuse(enteredProblem(ready.failure));
  const kept = store.keep(ready.value.settings, ready.value.credential);
  return kept.ok ? { ok: true, state: stateOf(subject) } : refuse(problemFrom(kept.failure));
}

/** The same application with the credential that is in use: only its end can be meant. */
function onlyEndChanges(
  store: ApplicationStore,
  { applicationId, cloud }: Pick<EnteredApplication, 'applicationId' | 'cloud'>,
): boolean {
  const used = store.settings('used');
  if (used === null || store.settings('pending') !== null) return false;
  return used.applicationId === applicationId && (used.cloud ?? 'global') === (cloud ?? 'global');
}

function restateEnd(store: ApplicationStore, place: 'used' | 'pending', expires: number | null): void {
  const settings = store.settings(place);
  if (settings?.kind !== 'secret' || expires === null || settings.expires === expires) return;
  store.restate(place, { ...settings, expires, expiresFrom: 'typed' });
}

interface Ready {
  readonly settings: ApplicationSettings;
  readonly credential: Credential;
}

async function settingsFor(
  store: ApplicationStore,
  { credential: entered, ...application }: EnteredApplication,
  now: number,
): Promise<Outcome<Ready>> {
  const { applicationId, cloud, expires, who } = application;
  const saved = { applicationId, cloud, savedAt: now, savedBy: who, trial: null, provenAt: null };
  if (entered.kind === 'keep') {
    const place = store.settings('pending') === null ? 'used' : 'pending';
    const [before, credential] = [store.settings(place), store.credential(place)];
    if (before === null) return { ok: false, failure: emptyFailure('secret-empty') };
    if (!credential.ok) return credential;
    const end = endOf(before, expires);
    const settings = { ...before, ...saved, ...end, entry: randomUUID(), organization: null };
    return done({ settings, credential: credential.value });
  }
  const ready = await enteredCredential(entered, expires, now);
  if (!ready.ok) return ready;
  const { credential, certificate, generated } = ready.value;
  const secret = credential.kind === 'secret' ? credential.secret : null;
  const settings: ApplicationSettings = {
    ...saved,
    entry: randomUUID(),
    kind: credential.kind,
    hint: secret === null ? null : hintOf(secret),
    looksLikeId: secret !== null && isGuid(secret),
    expires: credential.expires,
    expiresFrom: credential.kind === 'certificate' ? 'certificate' : expires === null ? null : 'typed',
    certificate,
    generated,
    organization: null,
  };
  return done({ settings, credential });
}

/** A secret's end as typed now; a certificate's is its own. */
function endOf(before: ApplicationSettings, expires: number | null) {
  if (before.kind === 'certificate' || before.expires === expires) {
    return { expires: before.expires, expiresFrom: before.expiresFrom };
  }
  return { expires, expiresFrom: expires === null ? null : ('typed' as const) };
}

interface Tried {
  readonly place: Place;
  readonly settings: ApplicationSettings | null;
  readonly candidate: Candidate;
}

/** What would be tried now: what is pending, else what is in use, else what is in the file. */
async function candidateOf({ tenant, store }: Subject, now: number): Promise<Outcome<Tried>> {
  const { id, applicationId, credential: files, login, graph } = tenant;
  if (files !== null && applicationId !== null) {
    const credential = await readCredential(files, now);
    if (!credential.ok) return credential;
    const candidate = { tenant: id, applicationId, login, graph, credential: credential.value };
    return done({ place: 'file', settings: null, candidate });
  }
  const place = store.settings('pending') === null ? 'used' : 'pending';
  const settings = store.settings(place);
  if (settings === null) return notSetUp();
  const credential = store.credential(place);
  if (!credential.ok) return credential;
  const application = { tenant: id, applicationId: settings.applicationId };
  const candidate = { ...application, ...endpointsOf(tenant, settings), credential: credential.value };
  return done({ place, settings, candidate });
}

async function attempt(subject: Subject, { http, now }: ApplicationDeps): Promise<ApplicationAnswer> {
  const tried = await candidateOf(subject, now());
  const token = tried.ok ? await authenticate(tried.value.candidate, http) : tried;
  const at = now();
  if (token.ok && tried.ok) {
    noteTrial(subject, tried.value, { at, ok: true, roles: token.value.roles });
    return { ok: true, state: stateOf(subject) };
  }
  const failure = failureOf(tried, token);
  return { ok: false, problem: noteFailure(subject, tried, failure, at), state: stateOf(subject) };
}

async function proveApplication(
  subject: Subject,
  patient: boolean,
  { http, now, signal, reopen }: ApplicationDeps,
): Promise<ProofAnswer> {
  const tried = await candidateOf(subject, now());
  const waits = patient ? CONSENT_WAITS : [];
  const proof = tried.ok ? await prove(tried.value.candidate, http, waits, signal) : tried;
  const at = now();
  if (!tried.ok || !proof.ok) {
    const problem = noteFailure(subject, tried, failureOf(tried, proof), at);
    return { ok: false, problem, state: stateOf(subject) };
  }
  const { place, settings } = tried.value;
  if (settings !== null && !isCurrent(subject, place, settings)) {
    return { ok: false, problem: problemOf('changed-meanwhile'), state: stateOf(subject) };
  }
  const { organization, domains } = proof.value;
  noteProof(subject, tried.value, proof.value, at);
  if (place === 'pending') reopen(subject.tenant.id);
  const adopted = place === 'pending';
  return { ok: true, adopted, organization, domains: domains.length, state: stateOf(subject) };
}

/** Keeps what the proof showed; what was pending becomes what is in use. */
function noteProof(subject: Subject, { place, settings }: Tried, proof: Proof, at: number): void {
  const trial: Trial = { at, ok: true, roles: proof.roles };
  if (place === 'file' || settings === null) return void subject.trials.set(subject.tenant.id, trial);
  const end = proof.expires === null ? {} : { expires: proof.expires, expiresFrom: 'registration' as const };
  const proven = { ...settings, ...end, trial, provenAt: at, organization: proof.organization };
  if (place === 'pending') subject.store.adopt(proven);
  else subject.store.restate('used', proven);
}

function noteFailure(subject: Subject, tried: Outcome<Tried>, failure: GraphFailure, at: number): Problem {
  const problem = problemFrom(failure);
  if (tried.ok) noteTrial(subject, tried.value, { at, ok: false, problem });
  return problem;
}

function noteTrial(subject: Subject, { place, settings }: Tried, trial: Trial): void {
  if (place === 'file') subject.trials.set(subject.tenant.id, trial);
  else if (settings !== null && isCurrent(subject, place, settings))
    subject.store.restate(place, { ...settings, trial });
}

/** Whether what was tried is still what is saved there. */
function isCurrent({ store }: Subject, place: Place, { entry }: ApplicationSettings): boolean {
  return place !== 'file' && store.settings(place)?.entry === entry;
}

function failureOf(...outcomes: ReadonlyArray<Outcome<unknown>>): GraphFailure {
  for (const outcome of outcomes) if (!outcome.ok) return outcome.failure;
  return emptyFailure('not-set-up');
}

function emptyFailure(code: string): GraphFailure {
  return { kind: 'credential', code, message: '', hint: '', retryAfter: null };
}

/** The words of a file's fault name the file's key, which is of no use for what was entered. */
function enteredProblem(failure: GraphFailure): Problem {
  return Object.hasOwn(PROBLEMS, failure.code) ? problemOf(failure.code) : problemFrom(failure);
}

/** A failure for a person; our own codes have words of their own, and the message says which. */
function problemFrom({ code, message, hint }: GraphFailure): Problem {
  if (hint !== '' || !Object.hasOwn(PROBLEMS, code)) return { code, message, hint };
  return problemOf(code, message);
}
