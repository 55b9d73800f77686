/**
 * A reload: the configuration file and the certificates are read again while sessions go on. A file with problems
 * changes nothing; what cannot change in a running gateway is named, and waits for the restart.
 */
import type { Certificates } from './certificates.ts';
import { applyChanges, configChanges } from './config/changes.ts';
import type { Config, ParsedConfig } from './config/config.ts';
import type { ConfigProblem } from './config/problem.ts';
import type { ConfigFile } from './config/schema.ts';

/** Where the configuration comes from. */
export interface ConfigSource {
  /** As it was read at the start. */
  readonly file: ConfigFile;
  reread(): ParsedConfig;
}

export interface ReloadEvents {
  configReload(changes: { readonly applied: readonly string[]; readonly restart: readonly string[] }): void;
  configRefuse(problems: readonly ConfigProblem[]): void;
}

/** What became of a reload. */
export type Reloaded =
  | { readonly ok: true; readonly applied: readonly string[]; readonly restart: readonly string[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** The running configuration and the means to read it again. */
export interface LiveConfig {
  readonly config: Config;
  /** Reads everything again; what is wrong with it is part of the result. */
  reload(): Reloaded;
}

/** Prepares reloads. `apply` puts a configuration into force. Without a source only certificates are read again. */
export function liveConfig(
  config: Config,
  source: ConfigSource | null,
  certificates: Certificates,
  events: ReloadEvents,
  apply: (config: Config) => void,
): LiveConfig {
  let running = config;
  let last = source?.file;
  const readFile = (): Reloaded => {
    if (!source || !last) return { ok: true, applied: [], restart: [] };
    const parsed = source.reread();
    if (!parsed.ok) {
      events.configRefuse(parsed.problems);
      return parsed;
    }
    const changes = configChanges(source.file, last, parsed.file);
    running = applyChanges(running, parsed.config, changes);
    last = parsed.file;
    apply(running);
    events.configReload(changes);
    return { ok: true, applied: changes.applied, restart: changes.restart };
  };
  return {
    get config() {
      return running;
    },
    reload() {
      const reloaded = readFile();
      // A certificate is renewed more often than the configuration is right.
      certificates.reload(running.smtp);
      return reloaded;
    },
  };
}
