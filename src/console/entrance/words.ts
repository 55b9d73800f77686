/** The words of the entrance, in every language. */
import type { InEveryLanguage } from '../site/visit.ts';

const en = {
  signIn: 'Sign in',
  withMicrosoft: 'Sign in with Microsoft',
  withMicrosoftText:
    'For people with the app role Gateway.Admin or Gateway.Reader, or whose account an administrator has added.',
  tenant: 'Tenant',
  withLink: 'With a one-time link',
  withLinkText:
    'On the server, run this command and open the link that it prints. It is good for ten minutes, and once.',
  notReady: 'Signing in with Microsoft is possible once an application has been set up.',
  linkTitle: 'Open the console',
  linkText:
    'This link is good once. Opening it here makes this browser an administrator until the session ends.',
  linkButton: 'Open the console',
  linkMissing: 'The link is not complete.',
  problem: {
    late: 'The link is older than ten minutes. Run rcptgate console-link again.',
    unknown: 'The link was used before, or is not complete. Run rcptgate console-link again.',
    state:
      'This sign-in was not begun in this browser, or more than ten minutes ago, or it was used before. Begin again.',
    declined: 'The sign-in was cancelled at Microsoft.',
    microsoft: 'Microsoft did not sign you in:',
    identity: 'What Microsoft answered is not proof of who you are:',
    account: 'You are signed in at Microsoft, but may not enter here.',
  },
  accountText:
    'Give this account the app role Gateway.Admin (Entra admin center, Enterprise applications, Users and groups), or add this line to [console] in the configuration, or let an administrator add you on the Access page.',
  anotherAccount: 'With another account',
};

const ja: typeof en = {
  signIn: 'サインイン',
  withMicrosoft: 'Microsoft アカウントでサインイン',
  withMicrosoftText:
    'アプリ ロール Gateway.Admin または Gateway.Reader を割り当てられた方、または管理者がアカウントを追加した方がご利用いただけます。',
  tenant: 'テナント',
  withLink: 'ワンタイム リンクで開く',
  withLinkText:
    'サーバー上で次のコマンドを実行し、表示されたリンクを開いてください。リンクの有効期間は 10 分間で、1 回だけ使用できます。',
  notReady: 'アプリケーションの設定が完了すると、Microsoft アカウントでサインインできるようになります。',
  linkTitle: 'コンソールを開く',
  linkText:
    'このリンクは 1 回だけ有効です。開くと、セッションが終了するまで、このブラウザーで管理者として操作できます。',
  linkButton: 'コンソールを開く',
  linkMissing: 'リンクが不完全です。',
  problem: {
    late: 'リンクの有効期間 (10 分) が過ぎています。もう一度 rcptgate console-link を実行してください。',
    unknown: 'リンクは使用済みか、不完全です。もう一度 rcptgate console-link を実行してください。',
    state:
      'このサインインは、このブラウザーで開始されていないか、開始から 10 分を過ぎたか、すでに使用されています。最初からやり直してください。',
    declined: 'Microsoft 側でサインインがキャンセルされました。',
    microsoft: 'Microsoft でサインインできませんでした:',
    identity: 'Microsoft からの応答では本人であることを確認できませんでした:',
    account: 'Microsoft にはサインインできましたが、このコンソールを使用する権限がありません。',
  },
  accountText:
    'このアカウントにアプリ ロール Gateway.Admin を割り当てるか (Microsoft Entra 管理センターの [エンタープライズ アプリケーション] > [ユーザーとグループ])、設定ファイルの [console] に次の行を追加するか、管理者に [アクセス] ページで追加してもらってください。',
  anotherAccount: '別のアカウントでサインイン',
};

/** The words of the entrance. */
export const ENTRANCE_WORDS: InEveryLanguage<typeof en> = { en, ja };
