/** The words of the Access page, in every language. */
import type { InEveryLanguage } from '../site/visit.ts';

const en = {
  title: 'Access',
  you: 'You',
  byLink:
    'You came by a one-time link. It makes nobody permanent: add an account below, or give somebody an app role.',
  admin: 'Administrator',
  reader: 'Reader',
  adminText: 'sees and changes everything',
  tenantAdminText: 'sees and changes everything of the tenant',
  roles: 'By app role',
  rolesText:
    'Whoever has one of these roles of the application may enter. They are given in the Entra admin center, Enterprise applications, Users and groups; the set-up guide has the roles in its manifest.',
  listed: 'By the configuration',
  listedText: 'admins and readers in [console]; changed in the file.',
  remembered: 'Added here',
  nobody: 'Nobody yet.',
  name: 'Name',
  account: 'Tenant id / object id',
  role: 'Role',
  since: 'Since',
  remove: 'Remove',
  removeOf: 'Remove',
  removed: (name: string) => `${name} was removed, and signed out.`,
  add: 'Add an account',
  addText:
    'Sign in with the account that is to be added, in this browser. Microsoft says which account it is; nothing can be mistyped. You continue as that account.',
  tenant: 'Tenant',
  addButton: 'Sign in with Microsoft and add',
  notReady: 'This is possible once an application has been set up.',
};

const ja: typeof en = {
  title: 'アクセス',
  you: '現在のユーザー',
  byLink:
    'ワンタイム リンクで入りました。このリンクだけでは継続的に使用できるユーザーは登録されません。下でアカウントを追加するか、アプリ ロールを割り当ててください。',
  admin: '管理者',
  reader: '閲覧者',
  adminText: 'すべてを表示および変更できます',
  tenantAdminText: 'テナントのすべてを表示および変更できます',
  roles: 'アプリ ロールによるアクセス',
  rolesText:
    'アプリケーションの次のロールを割り当てられたユーザーが使用できます。Microsoft Entra 管理センターの [エンタープライズ アプリケーション] > [ユーザーとグループ] で割り当てます。ロールの定義は、セットアップ ガイドのマニフェストに含まれています。',
  listed: '設定ファイルによるアクセス',
  listedText: '[console] の admins と readers です。設定ファイルで変更します。',
  remembered: 'このページで追加したアカウント',
  nobody: 'まだありません。',
  name: '名前',
  account: 'テナント ID / オブジェクト ID',
  role: 'ロール',
  since: '追加日時',
  remove: '削除',
  removeOf: '削除:',
  removed: (name) => `${name} を削除し、サインアウトさせました。`,
  add: 'アカウントの追加',
  addText:
    '追加するアカウントで、このブラウザーからサインインしてください。どのアカウントかは Microsoft が通知するため、入力を間違えることはありません。サインイン後は、そのアカウントとして操作を続けます。',
  tenant: 'テナント',
  addButton: 'Microsoft アカウントでサインインして追加',
  notReady: 'アプリケーションの設定が完了すると追加できるようになります。',
};

/** The words of the Access page. */
export const ACCESS_WORDS: InEveryLanguage<typeof en> = { en, ja };
