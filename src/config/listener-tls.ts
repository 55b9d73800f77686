/** The TLS keys of a `[[smtp]]` table: their form, their value, what crosses them, and the files they name. */
import { z } from 'zod';
import { file } from './named-file.ts';
import type { ConfigProblem } from './problem.ts';

const text = z.string().min(1, 'must not be empty');

const certificateSchema = z.strictObject({
  names: z.array(text).default([]),
  cert: file,
  key: file,
});

/** To be spread into the schema of `[[smtp]]`. */
export const listenerTlsKeys = {
  tls: z.enum(['starttls', 'implicit', 'off']).default('starttls'),
  tls_min_version: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  client_certificate: z.enum(['off', 'request', 'require']).default('off'),
  client_ca: file.optional(),
  certificate: z.array(certificateSchema).default([]),
};

/** How a listener uses TLS, and the files it needs for it. */
export interface ListenerTls {
  readonly mode: 'starttls' | 'implicit' | 'off';
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly clientCertificate: 'off' | 'request' | 'require';
  readonly clientCa: string | null;
  /** Further certificates by server name; without names, for those that stand in it. */
  readonly certificates: ReadonlyArray<{
    readonly names: readonly string[];
    readonly cert: string;
    readonly key: string;
  }>;
}

const tableSchema = z.object(listenerTlsKeys);

export function listenerTlsFrom(table: z.output<typeof tableSchema>): ListenerTls {
  return {
    mode: table.tls,
    minVersion: table.tls_min_version,
    clientCertificate: table.client_certificate,
    clientCa: table.client_ca ?? null,
    certificates: table.certificate,
  };
}

/** Every fault between the TLS keys of one raw `[[smtp]]` table; keys without the table's own. */
export function listenerTlsProblems(table: Readonly<Record<string, unknown>>): ConfigProblem[] {
  const given = (key: string): boolean => table[key] !== undefined;
  const problems: ConfigProblem[] = [];
  if (given('tls_cert') !== given('tls_key')) {
    const missing = given('tls_cert') ? 'tls_key' : 'tls_cert';
    problems.push({ key: missing, problem: 'is missing: a certificate and its key go together' });
  }
  const bare = !given('tls_cert') && !given('tls_key');
  if (bare && table.tls === 'implicit')
    problems.push({ key: 'tls_cert', problem: 'is missing: tls = "implicit" needs a certificate' });
  if (bare && given('certificate'))
    problems.push({
      key: 'tls_cert',
      problem: 'is missing: it is for clients that ask for no name, or another',
    });
  const asks = table.client_certificate === 'request' || table.client_certificate === 'require';
  if (asks && bare)
    problems.push({ key: 'client_certificate', problem: 'needs tls_cert: there is no TLS without it' });
  if (asks && table.tls === 'off')
    problems.push({ key: 'client_certificate', problem: 'needs TLS, and tls is "off"' });
  if (asks && !given('client_ca'))
    problems.push({ key: 'client_ca', problem: 'is missing: client_certificate needs it' });
  return problems;
}

/** The TLS files of one `[[smtp]]` table, by key. */
export function listenerTlsFiles(
  pair: { readonly cert: string; readonly key: string } | null,
  { mode, clientCa, certificates }: ListenerTls,
): Array<readonly [key: string, file: string]> {
  if (mode === 'off') return [];
  return [
    ...(pair ? [['tls_cert', pair.cert] as const, ['tls_key', pair.key] as const] : []),
    ...(clientCa === null ? [] : [['client_ca', clientCa] as const]),
    ...certificates.flatMap(({ cert, key }, index) => [
      [`certificate[${index}].cert`, cert] as const,
      [`certificate[${index}].key`, key] as const,
    ]),
  ];
}
