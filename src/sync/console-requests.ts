/** What the console asks of the learning thread: signing in through a tenant's application, and who was remembered. */
import type { RoundError } from './report.ts';

/** An application through which one can sign in to the console. */
export interface SignInApplication {
  readonly tenant: string;
  readonly applicationId: string;
  /** Base URL of the login service. */
  readonly login: string;
  /** A credential is in use, so that a code can be redeemed. */
  readonly ready: boolean;
}

/** An authorisation code with what belongs to it. */
export interface CodeAsk {
  readonly tenant: string;
  readonly code: string;
  readonly verifier: string;
  readonly redirectUri: string;
  readonly nonce: string;
}

/** A value, or what went wrong between us and Entra ID. */
export type Fetched<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: RoundError };

/** Somebody who may enter the console. */
export interface RememberedAccount {
  readonly tenant: string;
  readonly object: string;
  /** As Entra ID named them then. */
  readonly name: string;
  readonly role: 'admin' | 'reader';
  /** Ms since 1970. */
  readonly since: number;
}

/** Each with what it is answered by. */
export interface ConsoleRequests {
  readonly signInApplications: { readonly ask: null; readonly answer: readonly SignInApplication[] };
  /** The identity token as it came, not verified. */
  readonly redeem: { readonly ask: CodeAsk; readonly answer: Fetched<string> };
  /** A JSON Web Key Set (RFC 7517) as it came. */
  readonly signingKeys: { readonly ask: { readonly tenant: string }; readonly answer: Fetched<unknown> };
  readonly accounts: { readonly ask: null; readonly answer: readonly RememberedAccount[] };
  readonly accountKeep: { readonly ask: RememberedAccount; readonly answer: null };
  readonly accountForget: {
    readonly ask: Pick<RememberedAccount, 'tenant' | 'object'>;
    readonly answer: null;
  };
}

/** Where accounts are remembered. */
export interface AccountStore {
  readonly accounts: {
    all(): readonly RememberedAccount[];
    put(account: RememberedAccount): void;
    remove(tenant: string, object: string): void;
  };
}

/** How a tenant's application signs people in. */
export interface SignInSide {
  readonly applicationId: string;
  readonly login: string;
  ready(): boolean;
  redeem(ask: CodeAsk): Promise<Fetched<string>>;
  signingKeys(): Promise<Fetched<unknown>>;
}

/** Handlers over a store and the tenants' applications; both throw while there is none. */
export function consoleHandlers(
  store: () => AccountStore,
  sides: () => ReadonlyMap<string, SignInSide>,
): {
  readonly [Name in keyof ConsoleRequests]: (
    ask: ConsoleRequests[Name]['ask'],
  ) => Promise<ConsoleRequests[Name]['answer']>;
} {
  const side = (tenant: string): SignInSide => {
    const found = sides().get(tenant);
    if (!found) throw new Error(`there is no tenant ${tenant}`);
    return found;
  };
  return {
    signInApplications: async () =>
      [...sides()].map(([tenant, { applicationId, login, ready }]) => {
        return { tenant, applicationId, login, ready: ready() };
      }),
    redeem: (ask) => side(ask.tenant).redeem(ask),
    signingKeys: ({ tenant }) => side(tenant).signingKeys(),
    accounts: async () => store().accounts.all(),
    async accountKeep(account) {
      side(account.tenant);
      store().accounts.put(account);
      return null;
    },
    async accountForget({ tenant, object }) {
      store().accounts.remove(tenant, object);
      return null;
    },
  };
}
