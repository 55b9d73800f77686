/** The words of the chart. */
import type { InEveryLanguage } from '../site/visit.ts';

const en = {
  title: 'Answers to RCPT TO over time',
  desc: (accepted: string, rejected: string, deferred: string, from: string, to: string) =>
    `From ${from} to ${to}: ${accepted} accepted, ${rejected} rejected, ${deferred} deferred.`,
  accepted: 'accepted',
  rejected: 'rejected',
  deferred: 'deferred',
  table: 'The same as a table',
  time: 'From (UTC)',
  nothing: 'Nobody asked during this time.',
};

const ja: typeof en = {
  title: 'RCPT TO への応答の推移',
  desc: (accepted, rejected, deferred, from, to) =>
    `${from} から ${to} まで: 受け付け ${accepted} 件、拒否 ${rejected} 件、保留 ${deferred} 件。`,
  accepted: '受け付け',
  rejected: '拒否',
  deferred: '保留 (4xx)',
  table: '同じ内容を表で見る',
  time: '開始時刻 (UTC)',
  nothing: 'この期間に問い合わせはありませんでした。',
};

export const CHART_WORDS: InEveryLanguage<typeof en> = { en, ja };
