/**
 * Microsoft Graph's permissions by id: what `requiredResourceAccess` of a manifest names and a consent page lists.
 * Reference: Microsoft Graph permissions reference. Only those that a mail gateway could come across.
 */

/** Microsoft Graph as a resource application; the same in every tenant. */
export const GRAPH_APP_ID = '00000003-0000-0000-c000-000000000000';

/** One entry of `resourceAccess`: `Role` is an application permission, `Scope` a delegated one. */
export interface ResourceAccess {
  readonly id: string;
  readonly type: 'Role' | 'Scope';
}

export interface RequiredResourceAccess {
  readonly resourceAppId: string;
  readonly resourceAccess: readonly ResourceAccess[];
}

/** A permission that an application asks for. */
export interface RequestedPermission extends ResourceAccess {
  readonly value: string;
  readonly title: string;
}

const NONE = '';

/** Value, application role id, delegated scope id, what a consent page calls it. */
const PERMISSIONS: ReadonlyArray<readonly [value: string, role: string, scope: string, title: string]> = [
  ['openid', NONE, '37f7f235-527c-4136-accd-4a02d197296e', 'Sign users in'],
  ['profile', NONE, '14dad69e-099b-42c9-810b-d002981feec1', 'View users’ basic profile'],
  ['email', NONE, '64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0', 'View users’ email address'],
  ['offline_access', NONE, '7427e0e9-2fba-42fe-b0c0-848c9e6a8182', 'Keep access to data already granted'],
  ['User.Read', NONE, 'e1fe6dd8-ba31-4d61-89e7-88639da4683d', 'Sign in and read user profile'],
  [
    'User.Read.All',
    'df021288-bdef-4463-88db-98f22de89214',
    'a154be20-db9c-4678-8ab7-66f6cc099a59',
    'Read all users’ full profiles',
  ],
  [
    'User.ReadBasic.All',
    '97235f07-e226-4f63-ace3-39588e11d3a1',
    'b340eb25-3456-403f-be2f-af7a0d370277',
    'Read all users’ basic profiles',
  ],
  [
    'Group.Read.All',
    '5b567255-7703-4780-807c-7be8301ae99b',
    '5f8c59db-677d-491f-a6b8-5f174b11ec1d',
    'Read all groups',
  ],
  [
    'GroupMember.Read.All',
    '98830695-27a2-44f7-8c18-0c3ebc9698f6',
    'bc024368-1153-4739-b217-4326f2e966d0',
    'Read all group memberships',
  ],
  [
    'Group.ReadBasic.All',
    '07d67222-3a10-4d3b-9ddc-b8aa43198a00',
    'ba1917bc-a64b-4c71-b66d-229d4a520e66',
    'Read basic properties of all groups',
  ],
  [
    'OrgContact.Read.All',
    'e1a88a34-94c4-4418-be12-c87b00e26bea',
    '08432d1b-5911-483c-86df-7980af5cdee0',
    'Read organisational contacts',
  ],
  [
    'Domain.Read.All',
    'dbb9058a-0e50-45d7-ae91-66909b5d4664',
    '2f9ee017-59c1-4f1d-9472-bd5529a7b311',
    'Read domains',
  ],
  [
    'Organization.Read.All',
    '498476ce-e0fe-48b0-b801-37ba7e2685c6',
    '4908d5b9-3fb2-4b1e-9336-1888b7937185',
    'Read organisation information',
  ],
  [
    'Directory.Read.All',
    '7ab1d382-f21e-4acd-a863-ba3e13f7da61',
    '06da0dbc-49e2-44d2-8312-53f166ab848a',
    'Read directory data',
  ],
  [
    'Mail.Read',
    '810c84a8-4a9e-49e6-bf7d-12d183f40d01',
    '570282fd-fa5c-430d-a7fd-fc8dc98a9dca',
    'Read mail in all mailboxes',
  ],
  [
    'Mail.ReadBasic',
    '6be147d2-ea4f-4b5a-a3fa-3eab6f3c140a',
    'a4b8392a-d8d1-4954-a029-8e668a39a170',
    'Read basic mail in all mailboxes',
  ],
  ['Mail.ReadBasic.All', '693c5e45-0940-467d-9b8a-1022fb9d42ef', NONE, 'Read basic mail in all mailboxes'],
  [
    'MailboxSettings.Read',
    '40f97065-369a-49f4-947c-6a255697ae91',
    '87f447af-9fa4-4c32-9dfa-4a57a73d18ce',
    'Read all mailbox settings',
  ],
  [
    'Application.Read.All',
    '9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30',
    'c79f8feb-a9db-4090-85f9-90d820caa0eb',
    'Read all applications',
  ],
  [
    'Application.ReadWrite.OwnedBy',
    '18a4783c-866b-4cc7-a460-3d5e5662c884',
    NONE,
    'Manage applications that this application owns',
  ],
];

/** What the ids of one `resourceAccess` mean; null for an id that Microsoft Graph does not have in that type. */
export function permissionOf({ id, type }: ResourceAccess): RequestedPermission | null {
  const column = type === 'Role' ? 1 : 2;
  const row = PERMISSIONS.find((each) => each[column] !== NONE && each[column] === id.toLowerCase());
  return row === undefined ? null : { id: row[column], type, value: row[0], title: row[3] };
}

/** A manifest entry that asks Microsoft Graph for these application permissions. @throws RangeError for one unknown. */
export function applicationPermissions(...values: readonly string[]): RequiredResourceAccess {
  const resourceAccess = values.map((value): ResourceAccess => {
    const id = PERMISSIONS.find((row) => row[0] === value)?.[1];
    if (!id) throw new RangeError(`Microsoft Graph has no application permission ${value}`);
    return { id, type: 'Role' };
  });
  return { resourceAppId: GRAPH_APP_ID, resourceAccess };
}
