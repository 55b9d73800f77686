/** Which application roles open which part of Graph, and how much of an object they show (Graph permissions reference). */
import type { StreamName } from '../core/recipient.ts';
import { usualProblem } from './graph-error.ts';
import { KNOWN_PROPERTIES } from './objects.ts';

type Roles = ReadonlySet<string>;

const DIRECTORY = ['Directory.Read.All', 'Directory.ReadWrite.All'];

const FULL: Readonly<Record<StreamName, readonly string[]>> = {
  users: ['User.Read.All', 'User.ReadWrite.All', ...DIRECTORY],
  groups: ['Group.Read.All', 'Group.ReadWrite.All', ...DIRECTORY],
  contacts: ['OrgContact.Read.All', ...DIRECTORY],
};

const BASIC: Readonly<Record<StreamName, readonly string[]>> = {
  users: ['User.ReadBasic.All'],
  groups: ['GroupMember.Read.All', 'Group.ReadBasic.All'],
  contacts: [],
};

const BASIC_USER = [
  'displayName',
  'givenName',
  'id',
  'mail',
  'photo',
  'securityIdentifier',
  'surname',
  'userPrincipalName',
];
const ADDRESSES = ['mail', 'proxyAddresses'];

/** What else than objects can be read, and with which roles. */
const RESOURCES = {
  organization: ['User.Read.All', 'User.ReadWrite.All', 'Organization.Read.All', ...DIRECTORY],
  domains: ['Domain.Read.All', 'Domain.ReadWrite.All', ...DIRECTORY],
  application: [
    'Application.Read.All',
    'Application.ReadWrite.All',
    'Application.ReadWrite.OwnedBy',
    ...DIRECTORY,
  ],
  deletedUsers: FULL.users,
  deletedGroups: FULL.groups,
} as const;

/** Refuses a request about a resource that none of the roles opens. */
export function requireResource(resource: keyof typeof RESOURCES, roles: Roles): void {
  if (!RESOURCES[resource].some((role) => roles.has(role))) throw usualProblem(403);
}

/**
 * The properties of a stream that the roles show in a list. A basic role leaves properties out without saying so,
 * and opens the users' delta not at all.
 */
export function visibleProperties(
  stream: StreamName,
  roles: Roles,
  options: { readonly delta: boolean; readonly hideGroupAddresses: boolean },
): ReadonlySet<string> {
  const known = KNOWN_PROPERTIES[stream];
  if (FULL[stream].some((role) => roles.has(role))) return known;
  const basic = BASIC[stream].some((role) => roles.has(role));
  if (!basic || (stream === 'users' && options.delta)) throw usualProblem(403);
  if (stream === 'users') return new Set(BASIC_USER);
  return options.hideGroupAddresses ? new Set([...known].filter((name) => !ADDRESSES.includes(name))) : known;
}
