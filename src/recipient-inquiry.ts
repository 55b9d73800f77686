/** What the control socket answers about recipients and rounds: joins the policy and the learning thread. */
import type { CheckedAddress } from './commands/check.ts';
import type { Config } from './config/config.ts';
import type { RecipientFunctions } from './console/recipient-routes.ts';
import { domainOf } from './core/address.ts';
import { decideText } from './core/decide.ts';
import type { Directory } from './core/directory.ts';
import type { Operator } from './core/operator.ts';
import { normaliseMatch } from './core/override.ts';
import { policyFor } from './core/policy.ts';
import { STREAMS, type StreamName } from './core/recipient.ts';
import { type DomainReconciliation, reconciliationOf } from './core/reconciliation.ts';
import type { Learning } from './sync/thread.ts';

/** What can be asked about. */
export interface Looked {
  config(): Pick<Config, 'policy'>;
  readonly answering: { readonly directory: Directory; readonly operator: Operator };
  readonly learning: Learning;
  /** The answer to an address now, and why. */
  explain(address: string): Promise<CheckedAddress>;
}

/** The functions behind the routes. */
export function recipientFunctions(parts: Looked): RecipientFunctions {
  const { learning } = parts;
  return {
    search: (request) => learning.operator('search', { ...request, tenant: request.tenant.toLowerCase() }),
    async recipient(tenant, stream, id) {
      if (!isStream(stream)) throw new Error(`there is no kind of object ${stream}`);
      return learning.operator('recipient', { tenant: tenant.toLowerCase(), stream, id });
    },
    held: (tenant, after) => learning.operator('held', { tenant: tenant.toLowerCase(), after }),
    rounds: (tenant, limit) => learning.operator('rounds', { tenant: tenant.toLowerCase(), limit }),
    explain: (address, tenants) => explainWithin(address, tenants, parts),
    owners: (matches) => matches.map((match) => ownerOf(match, parts.config())),
  };
}

/** Nothing, and no lookup is made, for an address of nobody's or another tenant's domain. */
async function explainWithin(
  address: string,
  tenants: readonly string[] | null,
  { answering, explain }: Looked,
): Promise<CheckedAddress | null> {
  if (tenants === null) return explain(address);
  const { tenant, reason } = decideText(address, answering.directory, answering.operator.policy, Date.now());
  if (reason !== 'malformed' && (tenant === null || !tenants.includes(tenant))) return null;
  const told = await explain(address);
  const objects = told.objects?.filter(
    (object) => !('tenant' in object) || tenants.includes(String(object.tenant)),
  );
  return { ...told, objects: objects ?? null };
}

/**
 * The normal form of a match, and the tenant whose domain it speaks for: null when it can match nobody, or addresses
 * of more than one domain, or of a domain that is nobody's.
 */
function ownerOf(
  given: string,
  { policy }: Pick<Config, 'policy'>,
): { readonly match: string | null; readonly tenant: string | null } {
  const match = normaliseMatch(given);
  if (match === null) return { match, tenant: null };
  const domain = domainOf(match);
  return { match, tenant: domain.includes('*') ? null : (policyFor(policy, domain)?.tenant ?? null) };
}

function isStream(text: string): text is StreamName {
  return (STREAMS as readonly string[]).includes(text);
}

/** Where the next hops and the directory differ. */
export async function discrepancies({
  config,
  answering,
  learning,
}: Pick<Looked, 'answering' | 'learning'> & { readonly config: Config }): Promise<
  readonly DomainReconciliation[]
> {
  const { policy } = answering.operator;
  const now = Date.now();
  const stored = await learning.operator('discrepancies', { tenants: config.tenants.map(({ id }) => id) });
  const accepted = (address: string): boolean => {
    const { action, reason } = decideText(address, answering.directory, policy, now);
    return action === 'accept' && reason !== 'observed-unknown';
  };
  return reconciliationOf(stored, policy.domains.values(), accepted, now);
}
