/**
 * The words for every problem that setting up an application can meet, by its code: Entra ID's own (core/aadsts.ts) and
 * ours. A code without words keeps those of where it was found, which are English.
 */
import { AADSTS, aadstsIn, explain } from './aadsts.ts';
import type { Problem } from './application.ts';
import type { Explanation } from './explanation.ts';

const CERTIFICATE_AGAIN = {
  en: 'Choose the certificate (PEM, "BEGIN CERTIFICATE") and its own private key (PEM, RSA of 2048 bits or more). From a PFX: openssl pkcs12 -in FILE.pfx -nodes -out FILE.pem. Or let the gateway generate both.',
  ja: '証明書（PEM 形式、「BEGIN CERTIFICATE」）と、対応する秘密鍵（PEM 形式、RSA 2048 ビット以上）を選択してください。PFX の場合は openssl pkcs12 -in FILE.pfx -nodes -out FILE.pem で変換できます。ゲートウェイで両方を生成することもできます。',
};

/** Our own codes. */
export const PROBLEMS: Readonly<Record<string, Explanation>> = {
  'not-set-up': words(
    'the tenant is not set up: no application and no credential',
    'Run rcptgate console-link, open the link, and follow the set-up guide.',
    'テナントのセットアップが完了していません（アプリケーションと資格情報が未登録です）',
    'rcptgate console-link を実行してリンクを開き、セットアップ ガイドに従ってください。',
  ),
  'secret-id': words(
    "the client secret is wrong: what was entered has the form of the secret's id, not of its value",
    'In Entra, Certificates & secrets, copy the column Value, not Secret ID. The value is shown only once; if it is lost, create a new secret.',
    'クライアント シークレットが正しくありません。入力された内容は、シークレットの「値」ではなく「シークレット ID」の形式です',
    'Entra の「証明書とシークレット」で、「シークレット ID」ではなく「値」の列をコピーしてください。値は作成直後にしか表示されません。控えていない場合は、新しいシークレットを作成してください。',
  ),
  'roles-missing': words(
    'the application lacks permissions that the gateway needs',
    'Add them under API permissions as application permissions of Microsoft Graph, and grant admin consent (Connect). A new grant can take some minutes to work.',
    'ゲートウェイに必要なアクセス許可が付与されていません',
    '「API のアクセス許可」で Microsoft Graph のアプリケーションの許可として追加し、管理者の同意を与えてください（「接続」）。反映まで数分かかることがあります。',
  ),
  'other-tenant': words(
    'the credential belongs to another tenant',
    'Compare the directory (tenant) id of the app registration with the one of this tenant.',
    '資格情報が別のテナントのものです',
    'アプリの登録の「ディレクトリ (テナント) ID」を、このテナントの ID と比較してください。',
  ),
  'application-is-tenant': words(
    'the application id is the tenant id',
    'Copy "Application (client) ID" from the Overview page of the app registration; "Directory (tenant) ID" stands below it.',
    'アプリケーション ID にテナント ID が入力されています',
    'アプリの登録の「概要」から「アプリケーション (クライアント) ID」をコピーしてください。「ディレクトリ (テナント) ID」はその下に表示されています。',
  ),
  'application-id': words(
    'the application id is not a GUID',
    'Copy "Application (client) ID" from the Overview page of the app registration: 36 characters such as 66666666-7777-8888-9999-000000000000.',
    'アプリケーション ID が GUID ではありません',
    'アプリの登録の「概要」から「アプリケーション (クライアント) ID」をコピーしてください（66666666-7777-8888-9999-000000000000 のような 36 文字）。',
  ),
  'secret-empty': words(
    'no client secret was entered',
    'Enter the value of the client secret.',
    'クライアント シークレットが入力されていません',
    'クライアント シークレットの値を入力してください。',
  ),
  'secret-lines': words(
    'the client secret has several lines, or is far too long',
    'Enter the value of the client secret and nothing else.',
    'クライアント シークレットが複数行になっているか、長すぎます',
    'クライアント シークレットの値だけを入力してください。',
  ),
  'expires-past': words(
    'the end of the secret is in the past',
    'Enter the day that Entra shows in the column Expires.',
    'シークレットの有効期限が過去の日付です',
    'Entra の「有効期限」の列に表示される日付を入力してください。',
  ),
  'nothing-saved': words(
    'nothing was saved yet',
    'Enter application id and secret, and press Save.',
    'まだ保存されていません',
    'アプリケーション ID とシークレットを入力し、「保存」を押してください。',
  ),
  'changed-meanwhile': words(
    'another credential was saved meanwhile',
    'Look at what is saved now, and try again.',
    '処理中に別の資格情報が保存されました',
    '現在の保存内容を確認して、もう一度お試しください。',
  ),
  'in-file': words(
    'the credential of this tenant is in the configuration file',
    'Replace the file that it names; it is read at the next round.',
    'このテナントの資格情報は設定ファイルで指定されています',
    '設定ファイルで指定されているファイルを置き換えてください。次の同期で読み込まれます。',
  ),
  certificate: certificate('no certificate can be read', '証明書を読み取れません'),
  key: certificate('no private key can be read', '秘密鍵を読み取れません'),
  'key-short': certificate('the key is too short', '鍵が短すぎます'),
  'key-not-rsa': certificate('the key is not an RSA key', '鍵が RSA ではありません'),
  'key-encrypted': certificate(
    'the key is encrypted, and no passphrase was entered',
    '秘密鍵が暗号化されていますが、パスフレーズが入力されていません',
  ),
  'key-passphrase': certificate('the passphrase does not open the key', 'パスフレーズが正しくありません'),
  'key-mismatch': certificate(
    'the key does not belong to the certificate',
    '秘密鍵が証明書と対応していません',
  ),
  'certificate-expired': certificate('the certificate has expired', '証明書の有効期限が切れています'),
  'certificate-early': words(
    'the certificate is not valid yet',
    'Check the clock of this machine (NTP).',
    '証明書の有効期間がまだ始まっていません',
    'このサーバーの時刻を確認してください（NTP）。',
  ),
};

/** The words for a problem; null when only its own message says what it is. */
export function explainProblem({ code, message }: Pick<Problem, 'code' | 'message'>): Explanation | null {
  const own = Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code] : undefined;
  if (own) return own;
  const number = aadstsIn(code) ?? aadstsIn(message);
  if (number === null) return null;
  return AADSTS[number] ?? explain(null);
}

/** A problem by its code in {@link PROBLEMS}, in English; `detail` says which. */
export function problemOf(code: keyof typeof PROBLEMS & string, detail = ''): Problem {
  const { means, fix } = PROBLEMS[code] ?? explain(null);
  return { code, message: detail === '' ? means.en : `${means.en}: ${detail}`, hint: fix.en };
}

function words(means: string, fix: string, meansJa: string, fixJa: string): Explanation {
  return { means: { en: means, ja: meansJa }, fix: { en: fix, ja: fixJa } };
}

function certificate(en: string, ja: string): Explanation {
  return { means: { en, ja }, fix: CERTIFICATE_AGAIN };
}
