/** Rows of the rejection log as CSV, the same from the command and from the console. */
import type { RejectionRow } from './rejection.ts';

export const CSV_HEADING = [
  'first',
  'last',
  'count',
  'verdict',
  'code',
  'reason',
  'kind',
  'ref',
  'client',
  'real_client',
  'tls',
  'domain',
  'tenant',
  'directory_age',
  'source',
  'session',
  'exists_now',
  'recipient',
  'helo',
  'mail_from',
  'rcpt',
  'detail',
] as const;

/** One row in the order of {@link CSV_HEADING}; times in ISO 8601 (UTC), the age of the directory in seconds. */
export function csvRow(row: RejectionRow): Array<string | number | null> {
  return [
    new Date(row.firstAt).toISOString(),
    new Date(row.lastAt).toISOString(),
    row.count,
    row.verdict,
    row.code,
    row.reason,
    row.kind,
    row.ref,
    row.client,
    row.realClient,
    row.tls,
    row.domain,
    row.tenant,
    row.directoryAge === null ? null : Math.round(row.directoryAge / 1000),
    row.source,
    row.session,
    row.regretted ? 'yes' : 'no',
    row.address,
    row.helo,
    row.mailFrom,
    row.rcpt,
    row.detail,
  ];
}
