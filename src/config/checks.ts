/**
 * Faults that one key alone cannot show. They are looked for in the raw file, beside the schema, so that a person
 * sees all problems in one go and not the second half after mending the first.
 */
import { normaliseDomain } from '../core/address.ts';
import { consoleProblems } from './console.ts';
import { listenerTlsProblems } from './listener-tls.ts';
import type { ConfigProblem } from './problem.ts';

type Raw = Readonly<Record<string, unknown>>;

/** Every problem between keys. `raw` is what the TOML parser gave. Never throws. */
export function crossChecks(raw: Raw): ConfigProblem[] {
  return [
    ...listenerTls(raw),
    ...endpoints(raw),
    ...credentials(raw),
    ...domains(raw),
    ...listeners(raw),
    ...consoleProblems(raw),
    ...doors(raw),
  ];
}

function listenerTls(raw: Raw): ConfigProblem[] {
  return tables(raw, 'smtp').flatMap((table, index) => {
    const at = `smtp[${index}]`;
    return listenerTlsProblems(table).map(({ key, problem }) => ({ key: `${at}.${key}`, problem }));
  });
}

function endpoints(raw: Raw): ConfigProblem[] {
  const seen = new Map<string, number>();
  return tables(raw, 'tenant').flatMap((table, index) => {
    const problems: ConfigProblem[] = [];
    const at = (key: string, problem: string) => problems.push({ key: `tenant[${index}].${key}`, problem });
    const explicit = table.login !== undefined || table.graph !== undefined;
    if (table.cloud !== undefined && explicit)
      at('cloud', 'goes without login and graph: it stands for them');
    if (explicit && table.login === undefined) at('login', 'is missing: login and graph go together');
    if (explicit && table.graph === undefined) at('graph', 'is missing: login and graph go together');
    const id = String(table.id).toLowerCase();
    const first = seen.get(id);
    if (first !== undefined) at('id', `is the tenant of tenant[${first}] again`);
    else seen.set(id, index);
    return problems;
  });
}

/**
 * A tenant has one credential: a secret, a certificate with its key, or a federated assertion; or none and no
 * application, when it is set up in the console.
 */
function credentials(raw: Raw): ConfigProblem[] {
  return tables(raw, 'tenant').flatMap((table, index) =>
    [...kindProblems(table), ...companionProblems(table)].map(([key, problem]) => ({
      key: `tenant[${index}].${key}`,
      problem,
    })),
  );
}

type KeyProblem = readonly [key: string, problem: string];

function kindProblems(table: Raw): KeyProblem[] {
  const given = ['secret_file', 'certificate_file', 'assertion_file'].filter(
    (key) => table[key] !== undefined,
  );
  const [first, ...others] = given;
  if (first === undefined && table.key_file === undefined) {
    return table.application_id === undefined ? [] : [['secret_file', NO_CREDENTIAL]];
  }
  const problems = others.map(
    (key): KeyProblem => [key, `goes without ${first}: a tenant has one credential`],
  );
  return table.application_id === undefined ? [['application_id', NO_APPLICATION], ...problems] : problems;
}

const NO_CREDENTIAL =
  'is missing, and so are certificate_file with key_file, and assertion_file; leave application_id out too to set the tenant up in the console';
const NO_APPLICATION =
  'is missing: the credential belongs to an application; leave both out to set the tenant up in the console';

/** Keys that need another one beside them. */
const COMPANIONS = [
  ['certificate_file', 'key_file', 'is missing: a certificate and its key go together'],
  ['key_file', 'certificate_file', 'is missing: a certificate and its key go together'],
] as const;
const DEPENDENTS = [
  ['key_passphrase_file', 'key_file', 'opens a key_file, and there is none'],
  ['secret_expires', 'secret_file', 'speaks of a secret_file, and there is none'],
] as const;

function companionProblems(table: Raw): KeyProblem[] {
  const lacking = ([key, other]: readonly [string, string, string]): boolean =>
    table[key] !== undefined && table[other] === undefined;
  return [
    ...COMPANIONS.filter(lacking).map(([, key, problem]): KeyProblem => [key, problem]),
    ...DEPENDENTS.filter(lacking).map(([key, , problem]): KeyProblem => [key, problem]),
  ];
}

function domains(raw: Raw): ConfigProblem[] {
  const tenants = tables(raw, 'tenant').map((table) => String(table.id).toLowerCase());
  const relays = raw.smtp === undefined || tables(raw, 'smtp').some((table) => table.mode !== 'verify');
  return [
    ...claimedTwice(raw),
    ...tlsTwice(raw),
    ...tables(raw, 'domain').flatMap((table, index) => {
      const problems = [tenantProblem(table.tenant, tenants)];
      if (relays && table.next_hop === undefined) {
        problems.push({ key: 'next_hop', problem: 'is missing: a listener in relay mode needs it' });
      }
      return problems
        .filter((found) => found !== null)
        .map(({ key, problem }) => ({ key: `domain[${index}].${key}`, problem }));
    }),
  ];
}

function tenantProblem(tenant: unknown, tenants: readonly string[]): ConfigProblem | null {
  if (tenant === undefined && tenants.length > 1) {
    return { key: 'tenant', problem: 'is missing: there are several tenants' };
  }
  if (typeof tenant !== 'string' || tenants.includes(tenant.toLowerCase())) return null;
  return { key: 'tenant', problem: 'is not the id of any [[tenant]]' };
}

function claimedTwice(raw: Raw): ConfigProblem[] {
  const seen = new Map<string, number>();
  return tables(raw, 'domain').flatMap((table, index) => {
    const name = typeof table.name === 'string' ? normaliseDomain(table.name) : null;
    if (name === null) return [];
    const first = seen.get(name);
    seen.set(name, first ?? index);
    if (first === undefined) return [];
    const problem = `is claimed by domain[${first}] too; a domain has one policy and one tenant`;
    return [{ key: `domain[${index}].name`, problem }];
  });
}

/** A connection is kept for its next hop, whoever's mail it carries, so it is secured in one way. */
function tlsTwice(raw: Raw): ConfigProblem[] {
  const seen = new Map<string, { readonly index: number; readonly tls: unknown }>();
  return tables(raw, 'domain').flatMap((table, index) => {
    if (table.next_hop === undefined) return [];
    const hop = String(table.next_hop);
    const tls = table.next_hop_tls;
    const first = seen.get(hop);
    if (!first) seen.set(hop, { index, tls });
    if (!first || first.tls === tls) return [];
    const problem = `differs from that of domain[${first.index}], which has the same next_hop`;
    return [{ key: `domain[${index}].next_hop_tls`, problem }];
  });
}

function listeners(raw: Raw): ConfigProblem[] {
  const seen = new Map<unknown, number>();
  return tables(raw, 'smtp').flatMap((table, index) => {
    const listen = table.listen ?? '127.0.0.1:2525';
    const first = seen.get(listen);
    seen.set(listen, first ?? index);
    // A socket unit can pass several sockets of one name.
    if (first === undefined || /:0$|^systemd:/.test(String(listen))) return [];
    return [{ key: `smtp[${index}].listen`, problem: `is the address of smtp[${first}] again` }];
  });
}

/** Two doors on one address, two exports into one file, and a table made of a format that is not Postfix's. */
function doors(raw: Raw): ConfigProblem[] {
  const twice = (name: string, key: string): ConfigProblem[] => {
    const seen = new Map<unknown, number>();
    return tables(raw, name).flatMap((table, index) => {
      const first = seen.get(table[key]);
      seen.set(table[key], first ?? index);
      // A socket unit can pass several sockets of one name.
      if (first === undefined || /:0$|^systemd:/.test(String(table[key]))) return [];
      return [{ key: `${name}[${index}].${key}`, problem: `is that of ${name}[${first}] again` }];
    });
  };
  const tablesOf = tables(raw, 'export').flatMap((table, index) =>
    table.postmap !== undefined && (table.format ?? 'postfix') !== 'postfix'
      ? [{ key: `export[${index}].postmap`, problem: 'needs format = "postfix"' }]
      : [],
  );
  return [...twice('door', 'listen'), ...twice('export', 'path'), ...tablesOf];
}

function tables(raw: Raw, key: string): Raw[] {
  const value = raw[key];
  return Array.isArray(value)
    ? value.filter((item): item is Raw => typeof item === 'object' && item !== null)
    : [];
}
