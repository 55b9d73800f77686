/** Reading the configuration file, and looking at the files that it names. */

import { accessSync, constants, readFileSync } from 'node:fs';
import { authoritiesProblem } from '../core/authorities.ts';
import type { CredentialFiles } from '../core/credential-files.ts';
import { type Config, type ConfigJudges, type ParsedConfig, parseConfig } from './config.ts';
import { listenerTlsFiles } from './listener-tls.ts';
import type { ConfigProblem } from './problem.ts';

/** Where `serve` looks when no `--config` is given. */
export const DEFAULT_CONFIG_FILE = '/etc/rcptgate/rcptgate.toml';

/** Reads and validates a file; a file that cannot be read is a problem like any other. */
export function readConfig(file: string, judges: ConfigJudges): ParsedConfig {
  try {
    return parseConfig(readFileSync(file, 'utf8'), judges);
  } catch (error) {
    return { ok: false, problems: [{ key: file, problem: `cannot be read: ${reasonOf(error)}` }] };
  }
}

/**
 * Files named in the configuration that cannot be used now. They are warnings, not refusals: a daemon whose secret
 * is missing still answers from its mirror.
 */
export function unreadableFiles(config: Config): ConfigProblem[] {
  const named: Array<[key: string, file: string]> = [
    ...config.tenants.flatMap((tenant, index) => credentialFiles(`tenant[${index}]`, tenant.credential)),
    ...config.smtp.flatMap(({ tlsFiles, tls }, index) =>
      listenerTlsFiles(tlsFiles, tls).map(([key, file]): [string, string] => [`smtp[${index}].${key}`, file]),
    ),
  ];
  const problems = named.flatMap(([key, file]) => {
    try {
      accessSync(file, constants.R_OK);
      return [];
    } catch (error) {
      return [{ key, problem: `${file} cannot be read: ${reasonOf(error)}` }];
    }
  });
  const authorities = readAuthorities(config.caFile);
  return authorities.ok ? problems : [...problems, ...authorities.problems];
}

function credentialFiles(at: string, credential: CredentialFiles | null): Array<[key: string, file: string]> {
  if (credential === null) return [];
  if (credential.kind === 'secret') return [[`${at}.secret_file`, credential.secretFile]];
  if (credential.kind === 'assertion') return [[`${at}.assertion_file`, credential.assertionFile]];
  const { certificateFile, keyFile, keyPassphraseFile } = credential;
  return [
    [`${at}.certificate_file`, certificateFile],
    [`${at}.key_file`, keyFile],
    ...(keyPassphraseFile === null
      ? []
      : [[`${at}.key_passphrase_file`, keyPassphraseFile] as [string, string]]),
  ];
}

/** The certificates in `ca_file` (PEM; null when there are none to add), or what is wrong with it. */
export function readAuthorities(
  file: string | null,
):
  | { readonly ok: true; readonly pem: string | null }
  | { readonly ok: false; readonly problems: ConfigProblem[] } {
  if (file === null) return { ok: true, pem: null };
  try {
    const pem = readFileSync(file, 'utf8');
    const problem = authoritiesProblem(pem);
    return problem === null
      ? { ok: true, pem }
      : { ok: false, problems: [{ key: 'ca_file', problem: `${file} ${problem}` }] };
  } catch (error) {
    const problem = `${file} cannot be read: ${reasonOf(error)}`;
    return { ok: false, problems: [{ key: 'ca_file', problem }] };
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
