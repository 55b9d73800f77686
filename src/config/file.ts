/** Reading the configuration file, and looking at the files that it names. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { type Config, type ConfigJudges, type ParsedConfig, parseConfig } from './config.ts';
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
 * Files named in the configuration that cannot be read now. They are warnings, not refusals: a daemon whose secret
 * is missing still answers from its mirror.
 */
export function unreadableFiles(config: Config): ConfigProblem[] {
  const named: Array<[key: string, file: string]> = [
    ...config.tenants.map((tenant, index): [string, string] => [
      `tenant[${index}].secret_file`,
      tenant.secretFile,
    ]),
    ...config.smtp.flatMap(
      (smtp, index): Array<[string, string]> =>
        smtp.tlsFiles
          ? [
              [`smtp[${index}].tls_cert`, smtp.tlsFiles.cert],
              [`smtp[${index}].tls_key`, smtp.tlsFiles.key],
            ]
          : [],
    ),
  ];
  if (config.caFile !== null) named.push(['ca_file', config.caFile]);
  return named.flatMap(([key, file]) => {
    try {
      accessSync(file, constants.R_OK);
      return [];
    } catch (error) {
      return [{ key, problem: `${file} cannot be read: ${reasonOf(error)}` }];
    }
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
