/** The people who can sign in to a practice tenant. They are no recipients: who administers often has no mailbox. */
import { DEFAULT_DOMAIN } from '../domains.ts';
import { guidFor } from '../object-id.ts';

/** Directory roles by the template ids that are the same in every tenant. */
export const DIRECTORY_ROLES = {
  'Global Administrator': '62e90394-69f5-4237-9190-012177145e10',
  'Privileged Role Administrator': 'e8611ab8-c189-46e8-94e1-60213ab1f814',
  'Exchange Administrator': '29232cdf-9323-42fd-ade2-1d097af3e4de',
  'Application Administrator': '9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3',
} as const;

export type DirectoryRole = keyof typeof DIRECTORY_ROLES;

export interface PracticeAccount {
  readonly userPrincipalName: string;
  readonly displayName: string;
  readonly objectId: string;
  directoryRoles: readonly DirectoryRole[];
  /** Values of the application's roles that this person was given. */
  appRoles: readonly string[];
}

/** In every id token that has `wids`: a member without a directory role. */
export const MEMBER_ROLE = 'b79fbf4d-3ef9-4689-8143-76b194e85509';

/** Who may consent to application permissions of Microsoft Graph. */
const MAY_CONSENT: readonly DirectoryRole[] = ['Global Administrator', 'Privileged Role Administrator'];

/** The accounts of every practice tenant; the tenant's own list, which may be changed. */
export function practiceAccounts(): PracticeAccount[] {
  return [
    account('gwen.global', 'Gwen Global', { directoryRoles: ['Global Administrator'] }),
    account('eve.exchange', 'Eve Exchange', { directoryRoles: ['Exchange Administrator'] }),
    account('adam.admin', 'Adam Admin', { appRoles: ['Gateway.Admin'] }),
    account('rita.reader', 'Rita Reader', { appRoles: ['Gateway.Reader'] }),
    account('uma.user', 'Uma User', {}),
  ];
}

/** Whether a person can give an application what it asks for, for the whole tenant. */
export function mayConsent(person: PracticeAccount): boolean {
  return person.directoryRoles.some((role) => MAY_CONSENT.includes(role));
}

type Roles = Partial<Pick<PracticeAccount, 'directoryRoles' | 'appRoles'>>;

function account(nickname: string, displayName: string, roles: Roles): PracticeAccount {
  const objectId = guidFor(...Buffer.from(nickname));
  const userPrincipalName = `${nickname}@${DEFAULT_DOMAIN}`;
  return { userPrincipalName, displayName, objectId, directoryRoles: [], appRoles: [], ...roles };
}
