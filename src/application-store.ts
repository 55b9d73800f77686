/** The applications entered in the console, each with its credential sealed. Joins graph, mirror and seal. */
import type { ApplicationSettings } from './core/application.ts';
import type { Credential } from './graph/credential.ts';
import { done, failed, type Outcome } from './graph/failure.ts';
import { keptIn } from './graph/kept-credential.ts';
import type { ApplicationPlace, Applications } from './mirror/applications.ts';
import type { MasterKeyFile } from './seal/master-key.ts';
import { openVault } from './seal/vault.ts';

/** What was entered for one tenant. Functions without an outcome throw what the mirror throws. */
export interface ApplicationStore {
  settings(place: ApplicationPlace): ApplicationSettings | null;
  /** The credential beside the settings; a failure when there is none or it does not open. */
  credential(place: ApplicationPlace): Outcome<Credential>;
  /** Keeps both together, in place of what was pending. */
  keep(settings: ApplicationSettings, credential: Credential): Outcome<null>;
  restate(place: ApplicationPlace, settings: ApplicationSettings): void;
  /** The pending one becomes the one in use; the one before it is forgotten. */
  adopt(settings: ApplicationSettings): void;
  drop(place: ApplicationPlace | null): void;
}

const ENTER_AGAIN = 'Enter the credential again in the console: rcptgate console-link.';

/** Opens the store of a tenant; nothing is read yet. */
export function openApplicationStore(
  applications: Applications,
  masterKey: MasterKeyFile,
  tenant: string,
): ApplicationStore {
  const settings = (place: ApplicationPlace): ApplicationSettings | null => {
    const found = applications.read(tenant, place);
    return found && (JSON.parse(found.settings) as ApplicationSettings);
  };
  return {
    settings,
    credential(place) {
      const entered = settings(place);
      if (entered === null) return notSetUp();
      const vault = openVault(masterKey, {
        read: () => applications.read(tenant, place)?.sealed ?? null,
        write: () => undefined,
      });
      const found = keptIn(vault, tenant, entered.applicationId).load();
      if (!found.ok) return { ok: false, failure: { ...found.failure, hint: ENTER_AGAIN } };
      if (found.value === null) return failed('credential', 'sealed-damaged', DAMAGED, ENTER_AGAIN);
      return done({ ...found.value, expires: entered.expires } as Credential);
    },
    keep(entered, credential) {
      const vault = openVault(masterKey, {
        read: () => null,
        write: (_, sealed) =>
          applications.keep(tenant, 'pending', { settings: JSON.stringify(entered), sealed }),
      });
      return keptIn(vault, tenant, entered.applicationId).save(credential);
    },
    restate: (place, entered) => applications.restate(tenant, place, JSON.stringify(entered)),
    adopt: (entered) => applications.adopt(tenant, JSON.stringify(entered)),
    drop: (place) => applications.drop(tenant, place),
  };
}

const DAMAGED = 'the credential kept in the mirror is damaged';

/** Nothing was entered, and nothing is in the configuration. */
export function notSetUp(): Outcome<never> {
  const hint = 'Run rcptgate console-link, open the link, and follow the set-up guide.';
  return failed('credential', 'not-set-up', 'the tenant is not set up', hint);
}
