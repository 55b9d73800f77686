/** How far the set-up or the renewal of a tenant is: the state of its three steps. Pure. */
import type { ApplicationSettings, Problem, Trial } from '../../core/application.ts';
import { type ApplicationView, isRunning, wantsConsent } from '../../core/connection.ts';

/** `next`: this is what to do now; `waiting`: something before it comes first. */
export type StepState = 'done' | 'next' | 'failed' | 'running' | 'waiting';

export interface Steps {
  readonly save: StepState;
  readonly authenticate: StepState;
  readonly connect: StepState;
}

/** What would be authenticated and connected now: what is pending, else what is in use or in the file. */
export function trialOf({ pending, used, file, trial }: ApplicationView): Trial | null {
  if (file !== null) return trial;
  return (pending ?? used)?.trial ?? null;
}

/** The steps of a tenant. A renewal goes through them again, beside what is in use. */
export function stepsOf(view: ApplicationView): Steps {
  const { file, pending, used } = view;
  if (file === null && pending === null && used === null) {
    return { save: 'next', authenticate: 'waiting', connect: 'waiting' };
  }
  const authenticate = authenticateState(trialOf(view));
  return { save: 'done', authenticate, connect: connectState(view, authenticate) };
}

function authenticateState(trial: Trial | null): StepState {
  if (trial === null) return 'next';
  // A token without the permissions is a token.
  return trial.ok || trial.problem.code === 'roles-missing' ? 'done' : 'failed';
}

function connectState(
  { connection, pending, used, trial, file }: ApplicationView,
  before: StepState,
): StepState {
  if (isRunning(connection)) return 'running';
  if (connection?.phase === 'done') return 'done';
  const problem = connection?.problem ?? null;
  if (problem !== null) return wantsConsent(problem) ? 'next' : 'failed';
  if (file === null && pending === null && (used?.provenAt ?? null) !== null) return 'done';
  const tried = file === null ? (pending ?? used)?.trial : trial;
  if (tried?.ok === false && wantsConsent(tried.problem)) return 'next';
  return before === 'done' ? 'next' : 'waiting';
}

/** The problem that stands in the way now; null when nothing does. */
export function problemIn(view: ApplicationView): Problem | null {
  const trial = trialOf(view);
  const problem = view.connection?.problem ?? null;
  if (problem !== null && !wantsConsent(problem)) return problem;
  return trial !== null && !trial.ok && trial.problem.code !== 'roles-missing' ? trial.problem : null;
}

const DAY = 86_400_000;
/** Days before its end at which a credential is worth a warning. */
const SOON = 60;

/** How much life a credential has left at `now` (ms since 1970): whole days, and how urgent that is; null when unknown. */
export function lifeOf(
  settings: Pick<ApplicationSettings, 'expires'>,
  now: number,
): { readonly days: number; readonly urgency: 'good' | 'wait' | 'bad' } | null {
  if (settings.expires === null) return null;
  const days = Math.floor((settings.expires - now) / DAY);
  const urgency = settings.expires <= now ? 'bad' : days < SOON ? 'wait' : 'good';
  return { days: Math.max(days, 0), urgency };
}
