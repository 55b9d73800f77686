/** Directory objects as the practice tenant keeps them; property names and types are those of Microsoft Graph v1.0. */
import type { Group, OrgContact, User } from '@microsoft/microsoft-graph-types';
import type { StreamName } from '../core/recipient.ts';

export type UserFields = Pick<
  User,
  | 'accountEnabled'
  | 'assignedPlans'
  | 'businessPhones'
  | 'displayName'
  | 'givenName'
  | 'jobTitle'
  | 'mail'
  | 'mailNickname'
  | 'mobilePhone'
  | 'officeLocation'
  | 'onPremisesSyncEnabled'
  | 'preferredLanguage'
  | 'proxyAddresses'
  | 'surname'
  | 'userPrincipalName'
  | 'userType'
>;

export type GroupFields = Pick<
  Group,
  | 'description'
  | 'displayName'
  | 'groupTypes'
  | 'mail'
  | 'mailEnabled'
  | 'mailNickname'
  | 'onPremisesSyncEnabled'
  | 'proxyAddresses'
  | 'securityEnabled'
  | 'visibility'
>;

export type ContactFields = Pick<
  OrgContact,
  | 'companyName'
  | 'displayName'
  | 'givenName'
  | 'mail'
  | 'mailNickname'
  | 'onPremisesSyncEnabled'
  | 'proxyAddresses'
  | 'surname'
>;

/** The properties of an object of any stream; an absent one was never set, a null one was set to null. */
export type ObjectFields = UserFields & GroupFields & ContactFields & { deletedDateTime?: string | null };

/** `deleted` is soft-deleted and restorable, `purged` is gone for good. */
export type ObjectState = 'live' | 'deleted' | 'purged';

/** One object at one moment; a change makes a new value. */
export interface PracticeObject {
  readonly id: string;
  readonly stream: StreamName;
  readonly state: ObjectState;
  readonly fields: ObjectFields;
}

/** What Graph calls the type of a stream's objects in messages and `@odata.type`. */
export const TYPE_NAMES = { users: 'user', groups: 'group', contacts: 'orgContact' } as const;

const COMMON = ['id', 'deletedDateTime', 'displayName', 'mail', 'mailNickname', 'onPremisesSyncEnabled'];

/** Every property that `$select` may name; the stored ones first, then others that stay null here. */
export const KNOWN_PROPERTIES: Readonly<Record<StreamName, ReadonlySet<string>>> = {
  users: new Set([
    ...COMMON,
    ...['proxyAddresses', 'accountEnabled', 'assignedPlans', 'businessPhones', 'givenName', 'jobTitle'],
    ...['mobilePhone', 'officeLocation', 'preferredLanguage', 'surname', 'userPrincipalName', 'userType'],
    ...[
      'assignedLicenses',
      'city',
      'companyName',
      'country',
      'createdDateTime',
      'creationType',
      'department',
    ],
    ...['employeeId', 'externalUserState', 'faxNumber', 'identities', 'imAddresses', 'otherMails'],
    ...['onPremisesLastSyncDateTime', 'onPremisesImmutableId', 'securityIdentifier', 'showInAddressList'],
    ...['state', 'streetAddress', 'usageLocation'],
  ]),
  groups: new Set([
    ...COMMON,
    ...['proxyAddresses', 'description', 'groupTypes', 'mailEnabled', 'securityEnabled', 'visibility'],
    ...['classification', 'createdDateTime', 'creationOptions', 'expirationDateTime', 'isAssignableToRole'],
    ...['membershipRule', 'onPremisesLastSyncDateTime', 'renewedDateTime', 'securityIdentifier', 'members'],
  ]),
  contacts: new Set([
    ...COMMON,
    ...['proxyAddresses', 'companyName', 'givenName', 'surname', 'addresses', 'department', 'jobTitle'],
    ...['onPremisesLastSyncDateTime', 'phones'],
  ]),
};

/** What a request without `$select` returns; users leave out proxyAddresses, groups and contacts do not. */
export const DEFAULT_PROPERTIES: Readonly<Record<StreamName, readonly string[]>> = {
  users: [
    ...['businessPhones', 'displayName', 'givenName', 'id', 'jobTitle', 'mail', 'mobilePhone'],
    ...['officeLocation', 'preferredLanguage', 'surname', 'userPrincipalName'],
  ],
  groups: [
    ...['id', 'deletedDateTime', 'description', 'displayName', 'groupTypes', 'mail', 'mailEnabled'],
    ...['mailNickname', 'onPremisesSyncEnabled', 'proxyAddresses', 'securityEnabled', 'visibility'],
  ],
  contacts: [
    ...['id', 'companyName', 'displayName', 'givenName', 'mail', 'mailNickname'],
    ...['onPremisesSyncEnabled', 'proxyAddresses', 'surname'],
  ],
};

/** Collections are never null in Graph; everything else is when unset. */
export const COLLECTIONS: ReadonlySet<string> = new Set([
  ...['proxyAddresses', 'assignedPlans', 'assignedLicenses', 'businessPhones', 'groupTypes', 'identities'],
  ...['imAddresses', 'otherMails', 'addresses', 'phones', 'creationOptions', 'members'],
]);

/** A property of an object by its name, the id included; undefined when it was never set. */
export function propertyOf(object: PracticeObject, name: string): unknown {
  return name === 'id' ? object.id : object.fields[name as keyof ObjectFields];
}
