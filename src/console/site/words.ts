/** The words of the frame, in every language. */
import type { InEveryLanguage } from './visit.ts';

const en = {
  skip: 'Skip to the content',
  navigation: 'Areas',
  otherLanguage: '日本語',
  signedInAs: 'Signed in as',
  reader: 'read-only',
  signOut: 'Sign out',
  notFound: 'There is no such page',
  notFoundText: 'The address is wrong, or the page has moved.',
  notAllowed: 'You may not do this',
  notAllowedText: 'Your role or your tenant does not allow it. An administrator of the gateway can.',
  adminOnlyText: 'You are signed in as a reader, who can see everything but change nothing.',
  badForm: 'The form was not accepted',
  badFormText:
    'It did not come from this console, or your session has changed since. Open the page again and repeat what you did.',
  tooLarge: 'The file is too large',
  tooLargeText: 'Nothing was read of it.',
  tooMany: 'Too many attempts',
  tooManyText: 'Wait a minute, then try again.',
  unreachable: 'The gateway does not answer',
  unreachableText:
    'The console runs, the daemon behind it does not, or it is busy. Mail is another process: look at its log.',
  trouble: 'This did not work',
  troubleText: 'The log of the gateway says why (event console.fault).',
  back: 'Back to the start page',
};

const ja: typeof en = {
  skip: '本文へ移動',
  navigation: 'メニュー',
  otherLanguage: 'English',
  signedInAs: 'サインイン中:',
  reader: '閲覧のみ',
  signOut: 'サインアウト',
  notFound: 'ページが見つかりません',
  notFoundText: 'アドレスが間違っているか、ページが移動しました。',
  notAllowed: 'この操作は許可されていません',
  notAllowedText: '現在のロールまたはテナントでは実行できません。ゲートウェイの管理者に依頼してください。',
  adminOnlyText: '閲覧者としてサインインしています。表示はできますが、変更はできません。',
  badForm: 'フォームを受け付けられませんでした',
  badFormText:
    'このコンソールから送信されたものではないか、セッションが変わっています。ページを開き直して、もう一度操作してください。',
  tooLarge: 'ファイルが大きすぎます',
  tooLargeText: '内容は読み込まれていません。',
  tooMany: '試行回数が多すぎます',
  tooManyText: '1 分ほど待ってからやり直してください。',
  unreachable: 'ゲートウェイが応答しません',
  unreachableText:
    'コンソールは動作していますが、ゲートウェイのデーモンが停止しているか、処理中です。デーモンのログを確認してください。',
  trouble: '処理できませんでした',
  troubleText: '原因はゲートウェイのログ (イベント console.fault) に記録されています。',
  back: 'トップページに戻る',
};

/** The words of the frame. */
export const FRAME_WORDS: InEveryLanguage<typeof en> = { en, ja };
