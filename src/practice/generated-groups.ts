/** Generated groups of every kind, and generated mail contacts. */
import { DEFAULT_DOMAIN, INITIAL_DOMAIN } from './domains.ts';
import type { Draw } from './draw.ts';
import { pick } from './draw.ts';
import type { ObjectFields } from './objects.ts';

const TOPICS = ['sales', 'it', 'hr', 'board', 'events', 'press', 'lab', 'legal'] as const;
const KINDS = ['microsoft-365', 'distribution', 'mail-enabled-security', 'security'] as const;

/** The kinds of group; a plain security group takes no mail. */
export type GroupKind = (typeof KINDS)[number];

/** The group at an index. */
export function generatedGroup(draw: Draw, index: number): ObjectFields {
  const kind = pick(draw, KINDS);
  const nickname = `${pick(draw, TOPICS)}-${index}`;
  const moera = `smtp:${nickname}@${INITIAL_DOMAIN}`;
  const fields = groupFields(kind, `${nickname}@${DEFAULT_DOMAIN}`, nickname);
  return kind === 'security'
    ? fields
    : { ...fields, proxyAddresses: [moera, ...(fields.proxyAddresses ?? [])] };
}

/** The flags by which Graph tells the kinds of group apart, with one primary address. */
export function groupFields(kind: GroupKind, address: string, displayName: string): ObjectFields {
  const flags = {
    displayName,
    mailNickname: address.slice(0, address.lastIndexOf('@')),
    groupTypes: kind === 'microsoft-365' ? ['Unified'] : [],
    mailEnabled: kind !== 'security',
    securityEnabled: kind === 'security' || kind === 'mail-enabled-security',
  };
  return kind === 'security' ? { ...flags, proxyAddresses: [] } : { ...flags, ...addressed(address) };
}

/** The contact at an index: somebody elsewhere, half of them also reachable at an address of ours. */
export function generatedContact(draw: Draw, index: number): ObjectFields {
  const fields = contactFields(`partner${index}@fabrikam.example`, `Partner ${index}`);
  if (draw(2) === 0) return fields;
  const own = `smtp:ext.partner${index}@${DEFAULT_DOMAIN}`;
  return { ...fields, proxyAddresses: [...(fields.proxyAddresses ?? []), own] };
}

/** A contact with one external address. */
export function contactFields(address: string, displayName: string): ObjectFields {
  const mailNickname = address.slice(0, address.lastIndexOf('@'));
  return { displayName, mailNickname, companyName: 'Fabrikam', ...addressed(address) };
}

function addressed(address: string): ObjectFields {
  return { mail: address, proxyAddresses: [`SMTP:${address}`] };
}
