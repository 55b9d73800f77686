/** The last proven credential of an application, as text in a vault that seals it. */
import { type Credential, credentialFrom, credentialText } from './credential.ts';
import type { KeptCredential } from './credential-in-use.ts';
import { done, failed, type Outcome } from './failure.ts';

/** What is needed of the vault. Neither function throws. */
export interface TextVault {
  load(tenant: string): Kept<string | null>;
  save(label: { readonly tenant: string; readonly kind: string }, text: string): Kept<null>;
}

type Kept<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly problem: { readonly code: string; readonly message: string; readonly hint: string };
    };

/** Keeps the credential of a tenant's application; that of another application counts as none. */
export function keptIn(vault: TextVault, tenant: string, applicationId: string): KeptCredential {
  const head = `${applicationId}\n`;
  return {
    load() {
      const kept = outcomeOf(vault.load(tenant));
      if (!kept.ok || kept.value === null) return kept.ok ? done(null) : kept;
      return done(kept.value.startsWith(head) ? credentialFrom(kept.value.slice(head.length)) : null);
    },
    save: (credential: Credential) =>
      outcomeOf(vault.save({ tenant, kind: credential.kind }, head + credentialText(credential))),
  };
}

function outcomeOf<T>(kept: Kept<T>): Outcome<T> {
  if (kept.ok) return done(kept.value);
  return failed('credential', kept.problem.code, kept.problem.message, kept.problem.hint);
}
