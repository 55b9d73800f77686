/** Who may enter after signing in with Microsoft: a rule. By app role, or by being on a list; never by an e-mail address. */
import type { Account, Visitor } from '../site/visit.ts';
import type { Person } from './identity-token.ts';

/** The lists: of the configuration, and of the Access page. */
export interface AllowLists {
  readonly admins: readonly Account[];
  readonly readers: readonly Account[];
  readonly remembered: ReadonlyArray<Account & { readonly role: 'admin' | 'reader' }>;
}

/** App roles of the application that lets people in. */
export const APP_ROLES = { admin: 'Gateway.Admin', reader: 'Gateway.Reader' } as const;

/** The role of a person; null when they may not enter. The higher of what they were given counts. */
export function roleOf(person: Person, lists: AllowLists): 'admin' | 'reader' | null {
  const isThem = ({ tenant, object }: Account): boolean =>
    tenant === person.tenant && object === person.object;
  const remembered = lists.remembered.find(isThem)?.role;
  if (person.roles.includes(APP_ROLES.admin) || lists.admins.some(isThem) || remembered === 'admin')
    return 'admin';
  const reads =
    person.roles.includes(APP_ROLES.reader) || lists.readers.some(isThem) || remembered === 'reader';
  return reads ? 'reader' : null;
}

/**
 * The visitor that a person becomes. An administrator of one of several tenants sees only that one; who administers
 * the only tenant there is sees everything.
 */
export function visitorFrom(person: Person, role: 'admin' | 'reader', isOnlyTenant: boolean): Visitor {
  const { tenant, object, name } = person;
  return {
    who: `${tenant}/${object} (${name})`,
    name,
    role,
    tenants: isOnlyTenant ? null : [tenant],
    account: { tenant, object },
  };
}
