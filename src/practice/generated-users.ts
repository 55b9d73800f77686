/** Generated users: people with aliases, shared and room mailboxes, guests, mail users, and odd addresses. */
import type { AssignedPlan } from '@microsoft/microsoft-graph-types';
import { DEFAULT_DOMAIN, IDN_DOMAIN, INITIAL_DOMAIN } from './domains.ts';
import type { Draw } from './draw.ts';
import { pick } from './draw.ts';
import { guidFor } from './object-id.ts';
import type { ObjectFields } from './objects.ts';

const GIVEN = [
  'Aiko',
  'Anna',
  'Ben',
  'Chloé',
  'David',
  'Emre',
  'Fatima',
  'Hiro',
  'Ines',
  'Jan',
  'Yui',
] as const;
const SURNAMES = ['Smith', 'Tanaka', 'Müller', "O'Brien", 'Yılmaz', 'García', 'Sato', 'Novák', 'Li'] as const;
const ODD = [
  (n: number) => `o'neil${n}`,
  (n: number) => `r&d${n}`,
  (n: number) => `a/b${n}`,
  (n: number) => `plus+literal${n}`,
] as const;

/** The assigned plan of an Exchange Online mailbox. */
export const EXCHANGE_PLAN: AssignedPlan = {
  assignedDateTime: '2024-01-01T00:00:00Z',
  capabilityStatus: 'Enabled',
  service: 'exchange',
  servicePlanId: 'efb87545-963c-4e0d-99df-69c6916d9eb0',
};

/** The user at an index: nine in ten are people, the rest is what every tenant also holds. */
export function generatedUser(draw: Draw, index: number): ObjectFields {
  const share = draw(100);
  if (share < 4) return resource(`shared${index}`, `Shared ${index}`);
  if (share < 7) return resource(`room${index}`, `Room ${index}`);
  if (share < 8) return resource(`projector${index}`, `Projector ${index}`);
  if (share < 12) return guestUser(`visitor${index}@fabrikam.example`, `Visitor ${index}`);
  if (share < 14) return withoutMailbox(index);
  if (share < 16) return mailUser(draw, index);
  return person(draw, index);
}

/** A mailbox nobody signs in to: shared, room or equipment. Disabled and unlicensed, and it takes mail. */
export function resource(nickname: string, displayName: string): ObjectFields {
  const address = `${nickname}@${DEFAULT_DOMAIN}`;
  return {
    displayName,
    userPrincipalName: address,
    mail: address,
    mailNickname: nickname,
    accountEnabled: false,
    userType: 'Member',
    assignedPlans: [],
    proxyAddresses: [`SMTP:${address}`, `smtp:${nickname}@${INITIAL_DOMAIN}`],
  };
}

/** A guest: its addresses belong to another organisation. */
export function guestUser(address: string, displayName: string): ObjectFields {
  const nickname = `${address.replace('@', '_')}#EXT#`;
  return {
    displayName,
    userPrincipalName: `${nickname}@${INITIAL_DOMAIN}`,
    mail: address,
    mailNickname: nickname,
    accountEnabled: true,
    userType: 'Guest',
    proxyAddresses: [`SMTP:${address}`],
  };
}

/** The X500, SIP and SPO entries that stand among the SMTP ones. */
export function otherEntries(nickname: string, address: string, ...words: readonly number[]): string[] {
  const guid = guidFor(...words);
  return [
    `X500:/o=ExchangeLabs/ou=Exchange Administrative Group/cn=Recipients/cn=${nickname}`,
    `SIP:${address}`,
    `SPO:SPO_${guid}@SPO_${guid}`,
  ];
}

function person(draw: Draw, index: number): ObjectFields {
  const [givenName, surname] = [pick(draw, GIVEN), pick(draw, SURNAMES)];
  const nickname = `${plain(givenName)}.${plain(surname)}${index}`;
  const address = `${draw(3) === 0 ? nickname.replace(/^./, (c) => c.toUpperCase()) : nickname}@${DEFAULT_DOMAIN}`;
  const aliases = Array.from({ length: draw(3) }, (_, n) => alias(draw, n, nickname, index));
  const others = draw(3) === 0 ? otherEntries(nickname, address, index) : [];
  const moera = `smtp:${nickname}@${INITIAL_DOMAIN}`;
  return {
    displayName: `${givenName} ${surname}`,
    givenName,
    surname,
    userPrincipalName: address,
    mail: address,
    mailNickname: nickname,
    accountEnabled: draw(50) !== 0,
    userType: 'Member',
    ...(draw(4) === 0 ? { onPremisesSyncEnabled: true } : {}),
    assignedPlans: [EXCHANGE_PLAN],
    proxyAddresses: [...others.slice(0, 1), ...aliases, `SMTP:${address}`, moera, ...others.slice(1)],
  };
}

function alias(draw: Draw, n: number, nickname: string, index: number): string {
  if (n === 0 && draw(20) === 0) return `smtp:${pick(draw, ODD)(index)}@${DEFAULT_DOMAIN}`;
  if (draw(8) === 0) return `smtp:${n}x${index}@${IDN_DOMAIN}`;
  return `smtp:${nickname.slice(0, 1)}${n === 0 ? '' : n}.${index}@${DEFAULT_DOMAIN}`;
}

function mailUser(draw: Draw, index: number): ObjectFields {
  const fields = person(draw, index);
  return { ...fields, onPremisesSyncEnabled: true, assignedPlans: [] };
}

function withoutMailbox(index: number): ObjectFields {
  return {
    displayName: `Service account ${index}`,
    userPrincipalName: `svc${index}@${DEFAULT_DOMAIN}`,
    mailNickname: `svc${index}`,
    accountEnabled: true,
    userType: 'Member',
  };
}

function plain(name: string): string {
  const folded = name.normalize('NFD').replace(/[^A-Za-z']/g, '');
  return folded.toLowerCase();
}
