/** The words of the set-up guide, in every language. */
import type { InEveryLanguage } from '../site/visit.ts';

const en = {
  title: 'Set-up guide',
  intro:
    'The gateway signs in to Microsoft 365 as an application of your tenant, and reads addresses. Register it once: by one paste into a shell, or step by step in the portal. It takes a few minutes. Then enter what you get in the OAuth settings.',
  choose: 'Choose a tenant',
  noTenants: 'There is no tenant that you may see.',
  tenant: 'Tenant',
  open: 'Open in the Entra admin centre',
  copy: 'Copy',
  copied: 'Copied',
  settings: 'OAuth settings of this tenant',
  notRegistrable:
    'Entra ID takes redirect URIs that begin with https://, or with http://localhost. Set public_url in [console] to such an address, open the console under it, and come back.',
  values: 'Values of this installation',
  name: 'Name',
  signInUri: 'Redirect URI 1: sign-in',
  consentUri: 'Redirect URI 2: admin consent',
  finder: 'Which tenant does a domain belong to?',
  finderText: 'For comparing: Entra ID is asked which tenant has verified the domain.',
  domain: 'Domain',
  find: 'Find',
  found: (domain: string, tenant: string) => `${domain} belongs to the tenant ${tenant}`,
  here: 'This is a tenant of this gateway.',
  notHere: 'This gateway has no such tenant: check id in [[tenant]].',
  notFound: (domain: string) => `No tenant of this cloud has verified ${domain}.`,
  scriptTitle: 'The short way: one paste',
  scriptText:
    'With the Azure CLI, in a shell of your machine or in Azure Cloud Shell. It registers the application with redirect URIs, permissions and roles, creates a secret for two years, and prints both values that you need. Read it first: it changes nothing else.',
  scriptDownload: 'Download the script',
  manifestTitle: 'The manifest',
  manifestText:
    'Redirect URIs, permissions and app roles as one file. In the portal, open Manifest of the registered application and replace the properties of the same names; or create the application from it:',
  manifestDownload: 'Download the manifest',
  stepsTitle: 'Step by step in the portal',
  register: 'Register the application',
  registerText:
    'Give it the name below, choose "Accounts in this organizational directory only", and under Redirect URI the platform Web with the first URI. Press Register.',
  secondUri: 'Add the second redirect URI',
  secondUriText:
    'Under Authentication, platform Web, add the second URI and save. Leave the check boxes for implicit and hybrid flows (access tokens, ID tokens) empty.',
  permissions: 'Add the permissions',
  permissionsText:
    'Under API permissions, Add a permission, Microsoft Graph. Mind the type: application, or delegated. Consent is not given here; Connect does it.',
  permission: 'Permission',
  type: 'Type',
  types: { application: 'Application', delegated: 'Delegated' },
  need: 'Needed',
  needs: { required: 'required', optional: 'optional' },
  id: 'Id',
  why: 'Why',
  roles: 'Add the app roles',
  rolesText:
    'They say who may sign in to this console with Microsoft. Under App roles, create both for users and groups; then give them to people under Enterprise applications, Users and groups. Without them the one-time link and the lists in the configuration still open the console.',
  role: 'Role',
  value: 'Value',
  secret: 'Create a secret',
  secretText:
    'Under Certificates & secrets, New client secret, 24 months. Copy the column Value, not Secret ID: it is shown only now. Note the date in Expires. Or generate a certificate in the OAuth settings, and upload it here instead.',
  enter: 'Enter, authenticate, connect',
  enterText:
    'Copy the Application (client) ID from Overview. Enter it with the secret in the OAuth settings, then press Save, Authenticate, Connect.',
  notNeededTitle: 'Not needed',
  notNeeded: [
    'Mail.Read, Mail.ReadBasic and Mail.ReadBasic.All, which other gateways ask for: nothing here opens a mailbox. Do not grant them; the OAuth settings warn when they are.',
    'The check boxes "Access tokens" and "ID tokens" of the implicit flow: sign-in uses the code flow with PKCE.',
    'User.Read: sign-in takes openid and profile.',
  ],
};

const ja: typeof en = {
  title: 'セットアップ ガイド',
  intro:
    'ゲートウェイは、お使いのテナントに登録したアプリケーションとして Microsoft 365 にサインインし、アドレスを読み取ります。登録は一度だけです。シェルへの貼り付け 1 回、またはポータルの手順で行えます。所要時間は数分です。登録後に得られる値を OAuth 設定に入力してください。',
  choose: 'テナントを選択してください',
  noTenants: '表示できるテナントがありません。',
  tenant: 'テナント',
  open: 'Entra 管理センターで開く',
  copy: 'コピー',
  copied: 'コピーしました',
  settings: 'このテナントの OAuth 設定',
  notRegistrable:
    'Entra ID に登録できるリダイレクト URI は、https:// または http://localhost で始まるものだけです。[console] の public_url にそのようなアドレスを設定し、そのアドレスでコンソールを開き直してください。',
  values: 'この環境で使用する値',
  name: '名前',
  signInUri: 'リダイレクト URI（1 つ目: サインイン）',
  consentUri: 'リダイレクト URI（2 つ目: 管理者の同意）',
  finder: 'ドメインが属するテナントの確認',
  finderText: '確認用です。ドメインがどのテナントで検証されているかを Entra ID に問い合わせます。',
  domain: 'ドメイン',
  find: '確認',
  found: (domain, tenant) => `${domain} はテナント ${tenant} に属しています`,
  here: 'このゲートウェイに設定されているテナントです。',
  notHere: 'このゲートウェイには設定されていません。[[tenant]] の id を確認してください。',
  notFound: (domain) => `このクラウドには ${domain} を検証済みのテナントがありません。`,
  scriptTitle: '簡単な方法: 貼り付け 1 回',
  scriptText:
    'Azure CLI を使用します（手元のシェル、または Azure Cloud Shell）。リダイレクト URI、アクセス許可、ロールを含めてアプリケーションを登録し、2 年間有効なシークレットを作成して、必要な 2 つの値を表示します。実行前に内容をご確認ください。それ以外は何も変更しません。',
  scriptDownload: 'スクリプトをダウンロード',
  manifestTitle: 'マニフェスト',
  manifestText:
    'リダイレクト URI、アクセス許可、アプリ ロールを 1 つのファイルにまとめたものです。ポータルで登録済みアプリケーションの「マニフェスト」を開き、同じ名前のプロパティを置き換えてください。次のコマンドで、このファイルからアプリケーションを作成することもできます。',
  manifestDownload: 'マニフェストをダウンロード',
  stepsTitle: 'ポータルでの手順',
  register: 'アプリケーションを登録する',
  registerText:
    '下記の名前を入力し、「この組織ディレクトリのみに含まれるアカウント」を選択します。「リダイレクト URI」ではプラットフォームに「Web」を選択し、1 つ目の URI を入力して、「登録」を押します。',
  secondUri: '2 つ目のリダイレクト URI を追加する',
  secondUriText:
    '「認証」のプラットフォーム「Web」に 2 つ目の URI を追加し、保存します。「暗黙的な許可およびハイブリッド フロー」の「アクセス トークン」「ID トークン」のチェックは不要です。',
  permissions: 'アクセス許可を追加する',
  permissionsText:
    '「API のアクセス許可」-「アクセス許可の追加」-「Microsoft Graph」の順に選択します。種類（アプリケーションの許可 / 委任されたアクセス許可）にご注意ください。同意はここでは与えません。「接続」で行います。',
  permission: 'アクセス許可',
  type: '種類',
  types: { application: 'アプリケーション', delegated: '委任済み' },
  need: '要否',
  needs: { required: '必須', optional: '任意' },
  id: 'ID',
  why: '理由',
  roles: 'アプリ ロールを追加する',
  rolesText:
    'このコンソールに Microsoft でサインインできるユーザーを決めるためのものです。「アプリ ロール」で 2 つとも「ユーザーまたはグループ」用に作成し、「エンタープライズ アプリケーション」-「ユーザーとグループ」で割り当てます。設定しない場合も、ワンタイム リンクと設定ファイルの一覧でコンソールを開けます。',
  role: 'ロール',
  value: '値',
  secret: 'シークレットを作成する',
  secretText:
    '「証明書とシークレット」-「新しいクライアント シークレット」で「24 か月」を選択します。「シークレット ID」ではなく「値」の列をコピーしてください。値が表示されるのはこのときだけです。「有効期限」の日付も控えてください。OAuth 設定で証明書を生成し、ここにアップロードする方法もあります。',
  enter: '入力し、認証し、接続する',
  enterText:
    '「概要」から「アプリケーション (クライアント) ID」をコピーします。シークレットとともに OAuth 設定に入力し、「保存」「認証」「接続」の順に押してください。',
  notNeededTitle: '不要なもの',
  notNeeded: [
    'Mail.Read、Mail.ReadBasic、Mail.ReadBasic.All: 他のゲートウェイでは求められますが、メールボックスを開くことはないため不要です。付与しないでください。付与されている場合は OAuth 設定に警告が表示されます。',
    '暗黙的なフローの「アクセス トークン」「ID トークン」のチェック: サインインには PKCE を使用した認可コード フローを使用します。',
    'User.Read: サインインには openid と profile だけを使用します。',
  ],
};

export const GUIDE_WORDS: InEveryLanguage<typeof en> = { en, ja };
export type GuideWords = typeof en;
