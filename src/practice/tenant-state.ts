/** Everything that the handlers of one practice tenant share. */
import type { StreamName } from '../core/recipient.ts';
import type { AccessTokens } from './access-token.ts';
import type { PracticeApplication } from './application.ts';
import type { ChangeDraft, ChangeLog } from './changes.ts';
import { changeLog } from './changes.ts';
import type { PracticeDirectory } from './directory.ts';
import { practiceDirectory } from './directory.ts';
import type { PracticeDomain } from './domains.ts';
import { defaultDomains } from './domains.ts';
import type { Keepsake } from './keepsake.ts';
import type { ObjectStore } from './object-store.ts';
import { objectStore } from './object-store.ts';
import { populationOf } from './population.ts';
import type { PracticeAccount } from './sign-in/accounts.ts';
import { practiceAccounts } from './sign-in/accounts.ts';
import type { CodeStore } from './sign-in/codes.ts';
import { codeStore } from './sign-in/codes.ts';
import type { ConsentRecord } from './sign-in/consent.ts';
import { consentRecord } from './sign-in/consent.ts';
import type { SigningKeys } from './signing-keys.ts';
import type { PracticeSwitches, SwitchValues } from './switches.ts';
import { practiceSwitches } from './switches.ts';

export interface TenantState {
  readonly tenantId: string;
  readonly displayName: string;
  readonly application: PracticeApplication;
  readonly tokens: AccessTokens;
  readonly signing: SigningKeys;
  /** Who can sign in. */
  readonly accounts: PracticeAccount[];
  readonly codes: CodeStore;
  readonly consent: ConsentRecord;
  readonly macKey: Buffer;
  /** Names the population, so that state tokens of another one are not taken for this one's. */
  readonly epoch: string;
  readonly store: ObjectStore;
  readonly log: ChangeLog;
  readonly directory: PracticeDirectory;
  readonly switches: PracticeSwitches;
  /** Delta rounds begun so far, by stream. */
  readonly rounds: Record<StreamName, number>;
  now(): number;
}

/** What a tenant is made of. */
export interface TenantParts
  extends Pick<TenantState, 'tenantId' | 'application' | 'tokens' | 'signing' | 'now'> {
  readonly seed: number;
  readonly users: number;
  readonly keepsake: Keepsake;
  /** Switches that this tenant starts with. */
  readonly switches?: Partial<SwitchValues>;
}

/** A tenant in the state its population and its kept changes make. */
export function tenantState(parts: TenantParts): TenantState {
  const { tenantId, application, tokens, signing, now, seed, users, keepsake } = parts;
  const store = objectStore(populationOf(seed, users));
  const log = changeLog();
  const switches = practiceSwitches(parts.switches);
  const rounds: Record<StreamName, number> = { users: 0, groups: 0, contacts: 0 };
  const domains: { list: readonly PracticeDomain[] } = { list: defaultDomains() };

  function apply(change: ChangeDraft): void {
    store.apply(change);
    const lost = switches.dropChanges > 0;
    if (lost) switches.dropChanges--;
    log.append(change, {
      lost,
      visibleFromRound: rounds[change.stream] + 1 + switches.visibilityDelayRounds,
    });
  }
  function record(change: ChangeDraft): void {
    apply(change);
    keepsake.remember(change);
  }

  keepsake.changes.forEach(apply);
  const directory = practiceDirectory({ store, domains, record, now });
  const shared = { tenantId, application, tokens, signing, now, macKey: keepsake.macKey };
  const people = { accounts: practiceAccounts(), codes: codeStore(), consent: consentRecord() };
  const named = { epoch: epochOf(seed, users), displayName: 'Contoso' };
  return { ...shared, ...people, ...named, store, log, directory, switches, rounds };
}

/** The name of a population. */
export function epochOf(seed: number, users: number): string {
  return `${seed}-${users}`;
}
