/** What a tenant signs in with: the credential in its files, or the one proven in the console. Joins graph, mirror and seal. */
import { type ApplicationStore, openApplicationStore } from './application-store.ts';
import type { ApplicationSettings } from './core/application.ts';
import { CLOUDS, type Endpoints } from './core/cloud.ts';
import { readCredential } from './graph/credential-file.ts';
import type { Http } from './graph/http.ts';
import { keptIn } from './graph/kept-credential.ts';
import { openTokens, type TokenSettings, type Tokens } from './graph/tokens.ts';
import type { Mirror } from './mirror/mirror.ts';
import { openVault } from './seal/vault.ts';
import type { Tell } from './sync/answering.ts';
import type { LearnerSettings, LearnerTenant } from './sync/protocol.ts';

export interface SignIn extends Endpoints {
  /** Empty when there is none. */
  readonly applicationId: string;
  readonly tokens: Tokens;
  /** There is an application and a credential to sign in with. */
  readonly setUp: boolean;
}

interface SignInParts {
  readonly settings: LearnerSettings;
  readonly mirror: Mirror;
  readonly http: Http;
  readonly tell: Tell;
  readonly now: () => number;
}

/** Opens the sign-in of a tenant as it is set up now. */
export function openSignIn(
  tenant: LearnerTenant,
  { settings, mirror, http, tell, now }: SignInParts,
): SignIn {
  const store = openApplicationStore(mirror.applications, settings.masterKey, tenant.id);
  const news: TokenSettings['tell'] = (told) => tell({ kind: 'credential', tenant: tenant.id, news: told });
  const { credential, applicationId } = tenant;
  if (credential === null || applicationId === null) return enteredSignIn(tenant, store, http, news);
  const { login, graph } = tenant;
  const vault = openVault(settings.masterKey, {
    read: mirror.sealedCredential,
    write: mirror.keepSealedCredential,
  });
  const kept = keptIn(vault, tenant.id, applicationId);
  const signingIn = {
    ...{ tenant: tenant.id, applicationId, login, graph, tell: news },
    readCredential: () => readCredential(credential, now()),
    kept: {
      load: kept.load,
      save(proven: Parameters<typeof kept.save>[0]) {
        // The file's has worked: what was entered before it is a secret that nobody needs any more.
        const saved = kept.save(proven);
        if (saved.ok) store.drop(null);
        return saved;
      },
    },
  };
  return { applicationId, tokens: openTokens(signingIn, http), login, graph, setUp: true };
}

/** Reads the entered credential anew at every round, as a file would be; what keeps it is the mirror itself. */
function enteredSignIn(
  tenant: LearnerTenant,
  store: ApplicationStore,
  http: Http,
  tell: TokenSettings['tell'],
): SignIn {
  const entered = store.settings('used');
  const endpoints = endpointsOf(tenant, entered);
  const signingIn: TokenSettings = {
    ...endpoints,
    tenant: tenant.id,
    applicationId: entered?.applicationId ?? '',
    readCredential: async () => store.credential('used'),
    origin: 'console',
    ...(tell === undefined ? {} : { tell }),
  };
  const { applicationId } = signingIn;
  return { applicationId, tokens: openTokens(signingIn, http), ...endpoints, setUp: entered !== null };
}

/** Where an application signs in: the configuration's word, unless it has none and a cloud was chosen in the console. */
export function endpointsOf(
  { login, graph, cloudFixed = false }: LearnerTenant,
  entered: Pick<ApplicationSettings, 'cloud'> | null,
): Endpoints {
  const cloud = cloudFixed ? null : (entered?.cloud ?? null);
  if (cloud === null) return { login, graph };
  const { login: cloudLogin, graph: cloudGraph } = CLOUDS[cloud];
  return { login: cloudLogin, graph: cloudGraph };
}
