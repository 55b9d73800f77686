/**
 * Entra ID's error codes (`AADSTS…`), each with what it means here and what to do. Microsoft says that codes may
 * change, so they only explain; what to retry is decided by the HTTP status and the OAuth `error`.
 */

export interface Explanation {
  readonly means: string;
  readonly fix: string;
  /** It goes away by itself. */
  readonly transient?: true;
}

const AGAIN = 'Nothing to do: the next round tries again.';

const EXPLANATIONS: Readonly<Record<number, Explanation>> = {
  7000215: {
    means: 'the client secret is wrong',
    fix: "Put the secret's value into the secret file. The usual mistake is its id: in Entra, Certificates & secrets shows both, and the value only once; if it is lost, create a new secret.",
  },
  7000222: {
    means: 'the client secret has expired',
    fix: 'Create a new secret in Entra (App registrations, Certificates & secrets) and write its value to the secret file; it is picked up by the next round.',
  },
  7000218: { means: 'no client secret was sent', fix: 'Check that the secret file is not empty.' },
  7000112: {
    means: 'the application is disabled',
    fix: 'Enable it in Entra under Enterprise applications, Properties.',
  },
  700016: {
    means: 'the application is not known in this tenant',
    fix: 'Compare application_id and the tenant id with the Overview page of the app registration, and grant admin consent in this tenant.',
  },
  7000229: {
    means: 'the application has no service principal in this tenant',
    fix: 'Grant admin consent in this tenant; that creates it.',
  },
  700027: {
    means: 'the certificate is not registered for the application',
    fix: 'Upload the certificate under Certificates & secrets.',
  },
  700024: {
    means: 'the signed assertion is outside its validity',
    fix: 'Check the clock of this machine (NTP).',
  },
  70021: {
    means: 'no federated credential matches',
    fix: 'Compare issuer, subject and audience of the federated credential.',
  },
  700213: {
    means: 'no federated credential matches',
    fix: 'Compare issuer, subject and audience of the federated credential.',
  },
  90002: {
    means: 'the tenant was not found',
    fix: 'Check the tenant id, and that login names the right cloud.',
  },
  90038: {
    means: 'the tenant belongs to another cloud',
    fix: 'Set cloud (or login and graph) to the cloud of the tenant.',
  },
  900382: {
    means: 'the tenant belongs to another cloud',
    fix: 'Set cloud (or login and graph) to the cloud of the tenant.',
  },
  900023: { means: 'the tenant id is malformed', fix: 'Copy the tenant id from the Overview page in Entra.' },
  70011: { means: 'the requested scope is invalid', fix: 'Check the graph base URL of the tenant.' },
  1002012: { means: 'the requested scope is invalid', fix: 'Check the graph base URL of the tenant.' },
  500011: {
    means: 'Microsoft Graph is not known in this tenant',
    fix: 'Check that graph names the same cloud as login.',
  },
  65001: {
    means: 'nobody has consented to the application',
    fix: 'Grant admin consent for the application in Entra.',
  },
  53003: {
    means: 'a Conditional Access policy blocks the application',
    fix: 'Exempt the application, or the address of this machine, from the policy for workload identities.',
  },
  530035: {
    means: 'security defaults block the sign-in',
    fix: 'Check the sign-in log of the service principal in Entra.',
  },
  90024: { means: 'Entra ID had a passing fault', fix: AGAIN, transient: true },
  90033: { means: 'Entra ID is temporarily unavailable', fix: AGAIN, transient: true },
  90055: { means: 'Entra ID asks for fewer requests', fix: AGAIN, transient: true },
  50000: { means: 'Entra ID had an internal fault', fix: AGAIN, transient: true },
};

const UNKNOWN: Explanation = {
  means: 'Entra ID refused the application',
  fix: 'Look the code up at https://login.microsoftonline.com/error and in the sign-in log of the service principal.',
};

/** What a code means; a general word for codes that are not in the table. */
export function explain(code: number | null): Explanation {
  return (code === null ? undefined : EXPLANATIONS[code]) ?? UNKNOWN;
}

/** The first AADSTS number in a text; null when there is none. */
export function aadstsIn(text: string): number | null {
  const match = /AADSTS(\d{4,8})/.exec(text);
  return match ? Number(match[1]) : null;
}
