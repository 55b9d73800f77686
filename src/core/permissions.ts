/**
 * The application permissions of Microsoft Graph: which the gateway needs, which add something, and which it does not
 * want. Ids from the Microsoft Graph permissions reference; they are the same in every tenant and cloud.
 */

/** The application id of Microsoft Graph itself. */
export const GRAPH_APPLICATION = '00000003-0000-0000-c000-000000000000';

type Text = { readonly en: string; readonly ja: string };

/** A permission of Microsoft Graph; `role` is the manifest's type of an application permission, `scope` of a delegated one. */
export interface Permission {
  readonly name: string;
  readonly id: string;
  readonly type: 'application' | 'delegated';
  readonly need: 'required' | 'optional';
  readonly why: Text;
}

/** What the set-up guide asks for, the required ones first. */
export const PERMISSIONS: readonly Permission[] = [
  {
    name: 'User.Read.All',
    id: 'df021288-bdef-4463-88db-98f22de89214',
    type: 'application',
    need: 'required',
    why: {
      en: 'Reads the addresses of users, shared and resource mailboxes. The smallest permission that shows all addresses (proxyAddresses).',
      ja: 'ユーザー、共有メールボックス、リソース メールボックスのアドレスを読み取ります。すべてのアドレス（proxyAddresses）を参照できる最小の権限です。',
    },
  },
  {
    name: 'Group.Read.All',
    id: '5b567255-7703-4780-807c-7be8301ae99b',
    type: 'application',
    need: 'required',
    why: {
      en: 'Reads the addresses of distribution lists, mail-enabled security groups and Microsoft 365 groups.',
      ja: '配布リスト、メールが有効なセキュリティ グループ、Microsoft 365 グループのアドレスを読み取ります。',
    },
  },
  {
    name: 'OrgContact.Read.All',
    id: 'e1a88a34-94c4-4418-be12-c87b00e26bea',
    type: 'application',
    need: 'optional',
    why: {
      en: 'Reads mail contacts. Without it their addresses are not known to the gateway.',
      ja: 'メール連絡先のアドレスを読み取ります。付与しない場合、メール連絡先のアドレスは認識されません。',
    },
  },
  {
    name: 'openid',
    id: '37f7f235-527c-4136-accd-4a02d197296e',
    type: 'delegated',
    need: 'required',
    why: {
      en: 'Sign-in of administrators to this console.',
      ja: '管理者がこのコンソールにサインインするために使用します。',
    },
  },
  {
    name: 'profile',
    id: '14dad69e-099b-42c9-810b-d002981feec1',
    type: 'delegated',
    need: 'required',
    why: {
      en: 'The name of the administrator who signed in.',
      ja: 'サインインした管理者の名前を表示するために使用します。',
    },
  },
];

/** Broader permissions in which a required one is included (Microsoft Graph permissions reference). */
const INCLUDED_IN: Readonly<Record<string, readonly string[]>> = {
  'User.Read.All': ['User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
  'Group.Read.All': ['Group.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
};

/** With one of these the end of the secret can be read from the registration. */
const REGISTRATION_READERS = [
  'Application.Read.All',
  'Application.ReadWrite.All',
  'Application.ReadWrite.OwnedBy',
  'Directory.Read.All',
  'Directory.ReadWrite.All',
];

/** What the application permissions in a token mean for the gateway. */
export interface RoleReview {
  readonly missing: readonly string[];
  /** Optional ones that were not granted. */
  readonly absent: readonly string[];
  /** `Mail.*`, `MailboxSettings.*` and the like: nothing here reads a mailbox. */
  readonly unneeded: readonly string[];
  /** They may change the directory, which nothing here does. */
  readonly writing: readonly string[];
}

/** Reviews the application permissions of a token. */
export function reviewRoles(roles: readonly string[]): RoleReview {
  const application = PERMISSIONS.filter(({ type }) => type === 'application');
  const granted = ({ name }: Permission): boolean =>
    [name, ...(INCLUDED_IN[name] ?? [])].some((role) => roles.includes(role));
  const lacking = application.filter((permission) => !granted(permission));
  return {
    missing: lacking.filter(({ need }) => need === 'required').map(({ name }) => name),
    absent: lacking.filter(({ need }) => need === 'optional').map(({ name }) => name),
    unneeded: roles.filter((role) => /^Mail(?:box\w*)?\./.test(role)),
    writing: roles.filter((role) => /\.(?:ReadWrite|Create|Manage)\b/.test(role) && !/^Mail/.test(role)),
  };
}

/** Whether a token with these roles may read the application's own registration. */
export function mayReadRegistration(roles: readonly string[]): boolean {
  return roles.some((role) => REGISTRATION_READERS.includes(role));
}
