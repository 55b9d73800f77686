/** Every reason of an answer in words a person understands, and what can be done about it. */
import type { Reason } from '../../core/verdict.ts';
import type { InEveryLanguage } from '../site/visit.ts';

type ReasonWords = Readonly<Record<Reason, string>>;

const en: ReasonWords = {
  known: 'The directory of the tenant has this address.',
  subaddress: 'The directory has the address without what stands after the plus sign (sub-addressing).',
  grace: 'The address has left the tenant and is still accepted during its grace period.',
  imported: 'An import from Exchange has this address.',
  'override-allow': 'An override of the operator allows it.',
  'override-deny': 'An override of the operator refuses it.',
  postmaster: 'Mail to postmaster is always accepted (RFC 5321 section 4.5.1).',
  'domain-open': 'The domain is open: every recipient in it is accepted.',
  'observed-unknown': 'Nobody has this address, but the domain is only observed: it is accepted and logged.',
  'live-lookup': 'The directory does not have it yet; Microsoft Graph was asked and has it.',
  unknown: 'Nobody in the tenant has this address, and the directory is fresh.',
  'lookup-timeout':
    'The directory does not have it, and Microsoft Graph did not answer in time whether it is new.',
  'lookup-over-budget':
    'The directory does not have it, and too many unknown addresses were asked for to ask again.',
  'lookup-failed':
    'The directory does not have it, and Microsoft Graph could not be asked whether it is new.',
  'harvest-limit':
    'The client has asked for too many addresses that do not exist, and is told to come back later.',
  'directory-stale': 'The directory does not have it and is too old to prove that nobody has it.',
  'directory-empty': 'The tenant was never read completely, so nothing can be said about it.',
  'not-our-domain': 'The domain is not one of this gateway. Add a [[domain]] if it should be.',
  malformed: 'This is not a mailbox address.',
  'too-many-recipients': 'The message had too many recipients; the client has to send the rest again.',
  'other-next-hop':
    'The message already goes to another next hop; the client has to send this recipient again.',
  'internal-error': 'The gateway had a fault of its own; the log has it.',
};

const ja: ReasonWords = {
  known: 'テナントのディレクトリにこのアドレスがあります。',
  subaddress: '「+」以降を除いたアドレスがディレクトリにあります (サブアドレス)。',
  grace: 'テナントから削除されたアドレスですが、猶予期間中のため受け付けます。',
  imported: 'Exchange からのインポートにこのアドレスがあります。',
  'override-allow': '管理者が追加した例外により許可されています。',
  'override-deny': '管理者が追加した例外により拒否されています。',
  postmaster: 'postmaster 宛のメールは常に受け付けます (RFC 5321 4.5.1 節)。',
  'domain-open': 'このドメインは open です。すべての受信者を受け付けます。',
  'observed-unknown':
    'このアドレスの受信者はいませんが、ドメインが observe のため、受け付けて記録だけ行います。',
  'live-lookup': 'ディレクトリにはまだありませんが、Microsoft Graph に問い合わせて存在を確認しました。',
  unknown: 'テナントにこのアドレスの受信者はいません。ディレクトリは最新です。',
  'lookup-timeout':
    'ディレクトリになく、新しい受信者かどうかの問い合わせに Microsoft Graph が時間内に応答しませんでした。',
  'lookup-over-budget': 'ディレクトリになく、未知のアドレスが多すぎるため問い合わせを行いませんでした。',
  'lookup-failed':
    'ディレクトリになく、新しい受信者かどうかを Microsoft Graph に問い合わせできませんでした。',
  'harvest-limit':
    '存在しない宛先を多数問い合わせたクライアントのため、時間をおいて再送するよう応答しました。',
  'directory-stale': 'ディレクトリになく、ディレクトリが古いため、存在しないとは断定できません。',
  'directory-empty': 'テナントがまだ最後まで読み込まれていないため、判断できません。',
  'not-our-domain': 'このゲートウェイのドメインではありません。必要であれば [[domain]] を追加してください。',
  malformed: 'メールボックスのアドレスではありません。',
  'too-many-recipients': '1 通の受信者が多すぎます。送信側は残りを別に再送します。',
  'other-next-hop': 'メールは別の配送先に送信中です。送信側はこの受信者宛に再送します。',
  'internal-error': 'ゲートウェイ内部のエラーです。ログを確認してください。',
};

/** By reason. */
export const REASON_WORDS: InEveryLanguage<ReasonWords> = { en, ja };
