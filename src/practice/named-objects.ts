/** The objects every practice tenant holds under names that tests, demonstrations and the README can use. */
import type { StreamName } from '../core/recipient.ts';
import { DEFAULT_DOMAIN, IDN_DOMAIN, INITIAL_DOMAIN } from './domains.ts';
import { contactFields, groupFields } from './generated-groups.ts';
import { EXCHANGE_PLAN, guestUser, otherEntries, resource } from './generated-users.ts';
import type { ObjectFields } from './objects.ts';

/** One named object; ids follow from the order, so entries are only ever added at the end. */
export interface NamedObject {
  readonly stream: StreamName;
  readonly fields: ObjectFields;
}

/** Everybody with a name. `nobody@contoso.example` is not among them and never will be. */
export const NAMED_OBJECTS: readonly NamedObject[] = [
  user(mailbox('alice', 'Alice Smith', [`smtp:a.smith@${DEFAULT_DOMAIN}`])),
  user(mailbox('bob', 'Bob Tanaka')),
  user(resource('info', 'Information desk')),
  user(resource('boardroom', 'Board room')),
  user(resource('projector', 'Projector')),
  user(mailUser('carol', 'Carol Novák')),
  user(guestUser('guest@fabrikam.example', 'Guest of Fabrikam')),
  user(mailbox("o'brien", "Pat O'Brien")),
  user(mailbox('r&d', 'Research and development')),
  user(mailbox('a/b', 'A or B')),
  user(mailbox('plus+literal', 'A literal plus')),
  user(idnMailbox()),
  user({ ...mailbox('blocked', 'Sign-in blocked'), accountEnabled: false }),
  user(serviceAccount()),
  group(groupFields('microsoft-365', `sales@${DEFAULT_DOMAIN}`, 'Sales')),
  group(groupFields('distribution', `staff@${DEFAULT_DOMAIN}`, 'All staff')),
  group(groupFields('mail-enabled-security', `admins@${DEFAULT_DOMAIN}`, 'Administrators')),
  group(groupFields('security', `vpn@${DEFAULT_DOMAIN}`, 'VPN users')),
  { stream: 'contacts', fields: partner() },
];

/** A licensed mailbox in the default domain, with the entries Exchange Online adds. */
export function mailbox(nickname: string, displayName: string, more: readonly string[] = []): ObjectFields {
  const address = `${nickname}@${DEFAULT_DOMAIN}`;
  const others = otherEntries(nickname, address, nickname.length);
  const moera = `smtp:${nickname}@${INITIAL_DOMAIN}`;
  return {
    displayName,
    userPrincipalName: address,
    mail: address,
    mailNickname: nickname,
    accountEnabled: true,
    userType: 'Member',
    assignedPlans: [EXCHANGE_PLAN],
    proxyAddresses: [...others, moera, ...more, `SMTP:${address}`],
  };
}

function mailUser(nickname: string, displayName: string): ObjectFields {
  return { ...mailbox(nickname, displayName), onPremisesSyncEnabled: true, assignedPlans: [] };
}

function idnMailbox(): ObjectFields {
  const fields = mailbox('leser', 'Leserin');
  const own = [`smtp:leser@${IDN_DOMAIN}`, 'smtp:leserin@xn--bcher-kva.example'];
  return { ...fields, proxyAddresses: [...own, ...(fields.proxyAddresses ?? [])] };
}

function serviceAccount(): ObjectFields {
  return {
    displayName: 'Backup service',
    userPrincipalName: `svc-backup@${DEFAULT_DOMAIN}`,
    mailNickname: 'svc-backup',
    accountEnabled: true,
    userType: 'Member',
    assignedPlans: [],
    proxyAddresses: [],
  };
}

function partner(): ObjectFields {
  const fields = contactFields('partner@fabrikam.example', 'Partner at Fabrikam');
  return { ...fields, proxyAddresses: [...(fields.proxyAddresses ?? []), `smtp:partner@${DEFAULT_DOMAIN}`] };
}

function user(fields: ObjectFields): NamedObject {
  return { stream: 'users', fields };
}

function group(fields: ObjectFields): NamedObject {
  return { stream: 'groups', fields };
}
