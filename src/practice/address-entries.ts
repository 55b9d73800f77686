/**
 * How address entries change in Entra ID: one `SMTP:` primary, any number of `smtp:` aliases, `mail` equal to the
 * primary. Licence changes follow Microsoft's "How the proxyAddresses attribute is populated", scenario 4.
 */
import { smtpAddress } from '../core/recipient.ts';
import { EXCHANGE_PLAN } from './generated-users.ts';
import type { ObjectFields } from './objects.ts';

/** The prefix of an entry that is added. */
export type EntryKind = 'smtp' | 'SMTP' | 'SIP' | 'X500';

/** The primary address of an object, as it is written. */
export function primaryOf(fields: ObjectFields): string | undefined {
  return fields.proxyAddresses?.find((entry) => entry.startsWith('SMTP:'))?.slice(5);
}

/** With one more entry. */
export function added(fields: ObjectFields, address: string, kind: EntryKind): ObjectFields {
  if (kind === 'SMTP') return withPrimary(fields, address);
  return { proxyAddresses: [...(fields.proxyAddresses ?? []), `${kind}:${address}`] };
}

/** Without the entries of an address; when it was the primary, the first alias takes its place. */
export function removed(fields: ObjectFields, address: string): ObjectFields {
  const rest = without(fields, address);
  if (primaryOf({ proxyAddresses: rest }) !== undefined) return { proxyAddresses: rest };
  const heir = rest.find((entry) => smtpAddress(entry) !== null);
  if (heir === undefined) return { proxyAddresses: rest, mail: null };
  const proxyAddresses = rest.map((entry) => (entry === heir ? `SMTP:${heir.slice(5)}` : entry));
  return { proxyAddresses, mail: heir.slice(5) };
}

/** With another primary; the old one becomes an alias. */
export function withPrimary(fields: ObjectFields, address: string): ObjectFields {
  const rest = without(fields, address).map((entry) =>
    entry.startsWith('SMTP:') ? `smtp:${entry.slice(5)}` : entry,
  );
  return { proxyAddresses: [`SMTP:${address}`, ...rest], mail: address };
}

/** With another name before the `@`, wherever the name stands. */
export function renamed(fields: ObjectFields, nickname: string): ObjectFields {
  const rename = (address: string): string => `${nickname}${address.slice(address.lastIndexOf('@'))}`;
  const primary = primaryOf(fields);
  const upn = fields.userPrincipalName;
  return {
    ...(primary === undefined ? {} : withPrimary(fields, rename(primary))),
    ...(upn == null ? {} : { userPrincipalName: rename(upn) }),
    displayName: nickname,
    mailNickname: nickname,
  };
}

/** Without an Exchange licence: the addresses outside the initial domain go, and its own becomes the primary. */
export function lapsed(fields: ObjectFields, initialDomain: string): ObjectFields {
  const kept = (fields.proxyAddresses ?? []).filter((entry) =>
    smtpAddress(entry)?.endsWith(`@${initialDomain}`),
  );
  const proxyAddresses = kept.map((entry, n) => `${n === 0 ? 'SMTP' : 'smtp'}:${entry.slice(5)}`);
  return { assignedPlans: [], proxyAddresses, mail: primaryOf({ proxyAddresses }) ?? null };
}

/** With the licence back: everything `before` had, or only the principal name's address. */
export function returned(fields: ObjectFields, before: ObjectFields, extent: 'part' | 'all'): ObjectFields {
  const assignedPlans = [EXCHANGE_PLAN];
  if (extent === 'all') {
    return { assignedPlans, proxyAddresses: before.proxyAddresses ?? [], mail: before.mail ?? null };
  }
  return { assignedPlans, ...withPrimary(fields, before.userPrincipalName ?? before.mail ?? '') };
}

function without(fields: ObjectFields, address: string): string[] {
  const wanted = smtpAddress(`smtp:${address}`);
  return (fields.proxyAddresses ?? []).filter((entry) => {
    return smtpAddress(entry) === null
      ? entry.slice(entry.indexOf(':') + 1) !== address
      : smtpAddress(entry) !== wanted;
  });
}
