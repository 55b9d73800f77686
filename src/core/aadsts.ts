/**
 * Entra ID's error codes (`AADSTS…`), each with what it means here and what to do, for log, status and console. Microsoft
 * says that codes may change, so they only explain; what to retry is decided by the HTTP status and the OAuth `error`.
 */
import type { Explanation } from './explanation.ts';

const AGAIN = {
  en: 'Nothing to do: it is tried again. If it stays, look at https://status.cloud.microsoft.',
  ja: '対処は不要です。自動的に再試行されます。続く場合は https://status.cloud.microsoft をご確認ください。',
};
const OTHER_CLOUD: Explanation = {
  means: { en: 'the tenant belongs to another cloud', ja: 'テナントが別のクラウドに属しています' },
  fix: {
    en: 'Choose the cloud of the tenant (cloud, or login and graph, in the configuration).',
    ja: 'テナントが属するクラウドを選択してください（設定ファイルでは cloud、または login と graph）。',
  },
};
const SCOPE: Explanation = {
  means: { en: 'the requested scope is invalid', ja: '要求したスコープが無効です' },
  fix: {
    en: 'Check the graph base URL of the tenant: it has to belong to the same cloud as login.',
    ja: 'テナントの graph の URL を確認してください。login と同じクラウドである必要があります。',
  },
};
const FEDERATED: Explanation = {
  means: { en: 'no federated credential matches', ja: '一致するフェデレーション資格情報がありません' },
  fix: {
    en: 'Compare issuer, subject and audience of the federated credential with those of the assertion.',
    ja: 'フェデレーション資格情報の発行者、サブジェクト、対象ユーザーを、使用しているアサーションと比較してください。',
  },
};
const NEEDS_ADMINISTRATOR: Explanation = {
  means: {
    en: 'an administrator has to consent',
    ja: '管理者の同意が必要です',
  },
  fix: {
    en: 'Let a Global Administrator or Privileged Role Administrator open the consent link; other administrators cannot grant application permissions of Microsoft Graph.',
    ja: '全体管理者または特権ロール管理者が同意リンクを開いてください。Microsoft Graph のアプリケーションの許可は、それ以外の管理者では付与できません。',
  },
};
const NOT_IN_TENANT: Explanation = {
  means: {
    en: 'the account does not belong to this tenant',
    ja: 'アカウントがこのテナントに属していません',
  },
  fix: {
    en: 'Sign in with an account of this tenant; use a private browser window when the wrong account is chosen by itself.',
    ja: 'このテナントのアカウントでサインインしてください。別のアカウントが自動的に選択される場合は、プライベート ウィンドウを使用してください。',
  },
};
const REDIRECT_URI: Explanation = {
  means: {
    en: 'the redirect URI is not registered for the application',
    ja: 'リダイレクト URI がアプリケーションに登録されていません',
  },
  fix: {
    en: 'Register both redirect URIs of the set-up guide exactly as shown (platform Web). If the console is reached under another address, set public_url.',
    ja: 'セットアップ ガイドに表示される 2 つのリダイレクト URI を、そのままの形で登録してください（プラットフォームは Web）。コンソールに別のアドレスでアクセスする場合は public_url を設定してください。',
  },
};
const CODE_SPENT: Explanation = {
  means: {
    en: 'the sign-in code was used twice, came too late, or was damaged',
    ja: 'サインイン コードが再利用されたか、期限切れか、破損しています',
  },
  fix: { en: 'Begin again from the console.', ja: 'コンソールからやり直してください。' },
};

/** Every code that has an explanation of its own. */
export const AADSTS: Readonly<Record<number, Explanation>> = {
  7000215: {
    means: { en: 'the client secret is wrong', ja: 'クライアント シークレットが正しくありません' },
    fix: {
      en: "Use the secret's value. The usual mistake is its id: in Entra, Certificates & secrets shows both, and the value only once; if it is lost, create a new secret.",
      ja: 'シークレットの「値」を使用してください。よくある間違いは「シークレット ID」の貼り付けです。「証明書とシークレット」には両方が表示されますが、値は作成直後にしか表示されません。控えていない場合は、新しいシークレットを作成してください。',
    },
  },
  7000222: {
    means: { en: 'the client secret has expired', ja: 'クライアント シークレットの有効期限が切れています' },
    fix: {
      en: 'Create a new secret in Entra (App registrations, Certificates & secrets) and enter its value in the console, or write it to the secret file; it is picked up by the next round.',
      ja: 'Entra の「アプリの登録」-「証明書とシークレット」で新しいシークレットを作成し、その値をコンソールに入力してください（ファイルで運用している場合は secret_file を書き換えると、次の同期で読み込まれます）。',
    },
  },
  7000218: {
    means: { en: 'no client secret was sent', ja: 'クライアント シークレットが送信されていません' },
    fix: {
      en: 'Check that the secret is not empty.',
      ja: 'シークレットが空でないことを確認してください。',
    },
  },
  7000112: {
    means: { en: 'the application is disabled', ja: 'アプリケーションが無効になっています' },
    fix: {
      en: 'Enable it in Entra under Enterprise applications, Properties (Enabled for users to sign-in).',
      ja: 'Entra の「エンタープライズ アプリケーション」-「プロパティ」で、アプリケーションを有効にしてください。',
    },
  },
  700016: {
    means: {
      en: 'the application is not known in this tenant',
      ja: 'このテナントにアプリケーションが見つかりません',
    },
    fix: {
      en: 'Compare the application (client) id and the directory (tenant) id (application_id and id in the configuration file) with the Overview page of the app registration. The usual mistake is the object id, which stands beside them. If both are right, grant admin consent in this tenant.',
      ja: 'アプリの登録の「概要」にある「アプリケーション (クライアント) ID」と「ディレクトリ (テナント) ID」を比較してください。よくある間違いは、隣に表示される「オブジェクト ID」の貼り付けです。どちらも正しい場合は、このテナントで管理者の同意を与えてください。',
    },
  },
  7000229: {
    means: {
      en: 'the application has no service principal in this tenant',
      ja: 'このテナントにアプリケーションのサービス プリンシパルがありません',
    },
    fix: {
      en: 'Grant admin consent in this tenant (Connect); that creates it.',
      ja: '「接続」から、このテナントで管理者の同意を与えてください。サービス プリンシパルが作成されます。',
    },
  },
  700027: {
    means: {
      en: 'the certificate is not registered for the application',
      ja: '証明書がアプリケーションに登録されていません',
    },
    fix: {
      en: 'Upload the certificate (.cer) in Entra under Certificates & secrets, Certificates. A new one can take some minutes to work.',
      ja: 'Entra の「証明書とシークレット」-「証明書」に証明書（.cer）をアップロードしてください。反映まで数分かかることがあります。',
    },
  },
  700024: {
    means: {
      en: 'the signed assertion is outside its validity: the clock of this machine is wrong',
      ja: '署名付きアサーションが有効期間外です。このサーバーの時計がずれています',
    },
    fix: {
      en: 'Set the clock of this machine (NTP).',
      ja: 'このサーバーの時刻を合わせてください（NTP）。',
    },
  },
  70021: FEDERATED,
  700213: FEDERATED,
  90002: {
    means: { en: 'the tenant was not found', ja: 'テナントが見つかりません' },
    fix: {
      en: 'Compare the tenant id with the Overview page in Entra, and check that the right cloud is chosen.',
      ja: 'テナント ID を Entra の「概要」と比較し、正しいクラウドが選択されているか確認してください。',
    },
  },
  90038: OTHER_CLOUD,
  900382: OTHER_CLOUD,
  900023: {
    means: { en: 'the tenant id is malformed', ja: 'テナント ID の形式が正しくありません' },
    fix: {
      en: 'Copy the tenant id from the Overview page in Entra.',
      ja: 'Entra の「概要」からテナント ID をコピーしてください。',
    },
  },
  70011: SCOPE,
  1002012: SCOPE,
  500011: {
    means: {
      en: 'Microsoft Graph is not known in this tenant',
      ja: 'このテナントに Microsoft Graph が見つかりません',
    },
    fix: {
      en: 'Check that graph names the same cloud as login.',
      ja: 'graph が login と同じクラウドであることを確認してください。',
    },
  },
  65001: {
    means: {
      en: 'nobody has consented to the application',
      ja: 'アプリケーションへの同意がありません',
    },
    fix: {
      en: 'Grant admin consent for the application: Connect, or in Entra under API permissions.',
      ja: 'アプリケーションに管理者の同意を与えてください（「接続」、または Entra の「API のアクセス許可」）。',
    },
  },
  65004: {
    means: { en: 'the consent was declined', ja: '同意が拒否されました' },
    fix: {
      en: 'Begin again with Connect, and accept the permissions; they only read addresses.',
      ja: '「接続」からやり直し、アクセス許可を承諾してください。読み取るのはアドレスだけです。',
    },
  },
  90094: NEEDS_ADMINISTRATOR,
  90095: NEEDS_ADMINISTRATOR,
  50011: REDIRECT_URI,
  500112: REDIRECT_URI,
  50105: {
    means: {
      en: 'the application is only for people assigned to it',
      ja: 'アプリケーションに割り当てられていないユーザーです',
    },
    fix: {
      en: 'Assign the person under Enterprise applications, Users and groups.',
      ja: '「エンタープライズ アプリケーション」-「ユーザーとグループ」で、ユーザーを割り当ててください。',
    },
  },
  54005: CODE_SPENT,
  70008: CODE_SPENT,
  9002313: CODE_SPENT,
  501481: CODE_SPENT,
  501491: CODE_SPENT,
  50020: NOT_IN_TENANT,
  50034: NOT_IN_TENANT,
  53003: {
    means: {
      en: 'a Conditional Access policy blocks the application',
      ja: '条件付きアクセス ポリシーによってブロックされています',
    },
    fix: {
      en: 'Exempt the application, or the address of this machine, from the policy for workload identities.',
      ja: 'ワークロード ID 向けのポリシーから、このアプリケーションまたはこのサーバーのアドレスを除外してください。',
    },
  },
  530035: {
    means: {
      en: 'security defaults block the sign-in',
      ja: 'セキュリティの既定値群によってブロックされています',
    },
    fix: {
      en: 'Check the sign-in log of the service principal in Entra.',
      ja: 'Entra のサインイン ログ（サービス プリンシパル）を確認してください。',
    },
  },
  90024: passing('Entra ID had a passing fault', 'Entra ID で一時的な障害が発生しました'),
  90033: passing('Entra ID is temporarily unavailable', 'Entra ID が一時的に利用できません'),
  90055: passing('Entra ID asks for fewer requests', 'Entra ID から要求を減らすよう求められています'),
  50000: passing('Entra ID had an internal fault', 'Entra ID で内部エラーが発生しました'),
};

const UNKNOWN: Explanation = {
  means: { en: 'Entra ID refused the application', ja: 'Entra ID に拒否されました' },
  fix: {
    en: 'Look the code up at https://login.microsoftonline.com/error and in the sign-in log of the service principal.',
    ja: 'https://login.microsoftonline.com/error でコードを検索し、サービス プリンシパルのサインイン ログを確認してください。',
  },
};

/** What a code means; a general word for codes that are not in the table. */
export function explain(code: number | null): Explanation {
  return (code === null ? undefined : AADSTS[code]) ?? UNKNOWN;
}

/** The first AADSTS number in a text; null when there is none. */
export function aadstsIn(text: string): number | null {
  const match = /AADSTS(\d{4,8})/.exec(text);
  return match ? Number(match[1]) : null;
}

function passing(en: string, ja: string): Explanation {
  return { means: { en, ja }, fix: AGAIN, transient: true };
}
