/** The report as text and as the body of an HTML mail: the same sections, worded once. Pure. */
import { visible } from '../core/visible.ts';
import { timeText } from './rejections.ts';
import type { Report } from './report.ts';
import { count, table } from './table.ts';
import { credentialText } from './tenant.ts';

/** A heading, and rows below a row of headings; or one sentence instead. */
interface Section {
  readonly title: string;
  readonly rows: ReadonlyArray<readonly string[]>;
  readonly instead: string;
}

/** As text for a terminal or a plain mail. */
export function reportText(report: Report): string {
  const blocks = sectionsOf(report).map(({ title, rows, instead }) => {
    const body = rows.length > 1 ? table(rows) : instead;
    return `${title}\n${body.replace(/^/gm, '  ')}`;
  });
  return [headlineOf(report), attentionText(report), ...blocks].join('\n\n');
}

/** As an HTML document without anything from outside: no picture, no style sheet, no script. */
export function reportHtml(report: Report): string {
  const attention = report.attention.map((each) => `<li>${escaped(each)}</li>`).join('');
  const blocks = sectionsOf(report).map(({ title, rows, instead }) => {
    const [head = [], ...lines] = rows;
    const line = (cells: readonly string[], tag: string): string =>
      `<tr>${cells.map((cell) => `<${tag} align="left">${escaped(cell)}</${tag}>`).join('')}</tr>`;
    const body =
      lines.length > 0
        ? `<table cellpadding="4">${line(head, 'th')}${lines.map((cells) => line(cells, 'td')).join('\n')}</table>`
        : `<p>${escaped(instead)}</p>`;
    return `<h2>${escaped(title)}</h2>\n${body}`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(headlineOf(report))}</title></head>
<body style="font-family: sans-serif">
<h1>${escaped(headlineOf(report))}</h1>
${attention === '' ? '<p>Nothing needs attention.</p>' : `<ul>${attention}</ul>`}
${blocks.join('\n')}
</body></html>`;
}

function headlineOf({ from, to, answers }: Report): string {
  const { accepted, rejected, deferred } = answers;
  return `rcptgate ${timeText(from)} to ${timeText(to)}: ${count(accepted)} recipients accepted, ${count(rejected)} rejected, ${count(deferred)} deferred`;
}

function attentionText({ attention }: Report): string {
  if (attention.length === 0) return 'Nothing needs attention.';
  return ['Needs attention:', ...attention.map((each) => `  - ${visible(each)}`)].join('\n');
}

function sectionsOf(report: Report): Section[] {
  const { rounds, status, top } = report;
  const most = (title: string, rows: Report['top']['clients']): Section => ({
    title,
    rows: [
      ['TIMES', 'LAST', ''],
      ...rows.map((row) => [count(row.count), timeText(row.lastAt), visible(row.value)]),
    ],
    instead: 'none',
  });
  return [
    ...pitiesOf(report),
    most('Most frequent reasons', top.reasons),
    most('Most frequent recipients refused', top.recipients),
    most('Clients most often refused', top.clients),
    {
      title: 'Tenants',
      rows: [
        ['TENANT', 'DIRECTORY', 'ADDRESSES', 'CREDENTIAL'],
        ...status.tenants.map((each) => [
          each.tenant,
          each.freshness,
          count(each.addresses),
          credentialText(each.credential, status.now),
        ]),
      ],
      instead: 'none',
    },
    {
      title: 'Rounds that are kept',
      rows: [
        ['TENANT', 'COMPLETE', 'FAILED', 'ADDED', 'REMOVED', 'LAST ERROR'],
        ...rounds.map((each) => [
          each.tenant,
          count(each.complete),
          count(each.failed),
          count(each.added),
          count(each.removed),
          visible(each.lastError ?? '-'),
        ]),
      ],
      instead: 'none',
    },
  ];
}

/** Where the directory was wrong, or is. */
function pitiesOf({ regrets, discrepancies }: Report): Section[] {
  return [
    {
      title: 'Rejected, and exists now',
      rows: [
        ['ADDRESS', 'TIMES', 'FIRST', 'LAST', 'WHO WAS BOUNCED'],
        ...regrets.map((row) => [
          visible(row.address),
          count(row.count),
          timeText(row.firstAt),
          timeText(row.lastAt),
          row.senders.map((sender) => `<${visible(sender)}>`).join(' '),
        ]),
      ],
      instead: 'nobody',
    },
    {
      title: 'The next hop and the directory differ',
      rows: [
        ['ADDRESS', 'WHAT', 'TIMES', 'LAST'],
        ...discrepancies.map((each) => [
          visible(each.address),
          each.kind === 'hop-accepted'
            ? 'we would reject, the next hop accepted'
            : 'we accept, the next hop rejected',
          count(each.count),
          timeText(each.lastAt),
        ]),
      ],
      instead: 'nowhere',
    },
  ];
}

function escaped(text: string): string {
  return visible(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
