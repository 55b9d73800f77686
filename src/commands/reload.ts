/** `rcptgate reload`: has the daemon read its configuration and certificates again, and shows what became of it. */
import { type DaemonCommand, EXIT, type Terminal, usageError } from './command.ts';

type Reloaded =
  | { readonly ok: true; readonly applied: readonly string[]; readonly restart: readonly string[] }
  | {
      readonly ok: false;
      readonly problems: ReadonlyArray<{ readonly key: string; readonly problem: string }>;
    };

/** Exit code: 0 reloaded, also when keys wait for the restart; 2 the configuration has problems and nothing changed. */
export const reload: DaemonCommand = async (daemon, { positionals, json }, terminal) => {
  if (positionals.length > 0) return usageError(terminal, 'reload takes no arguments');
  const reloaded = (await daemon.post('/v1/reload', {})) as Reloaded;
  if (json) terminal.out(JSON.stringify(reloaded, null, 2));
  else say(reloaded, terminal);
  return reloaded.ok ? EXIT.ok : EXIT.usage;
};

function say(reloaded: Reloaded, { out, err }: Terminal): void {
  if (!reloaded.ok) {
    const lines = reloaded.problems.map(({ key, problem }) => `  ${key}: ${problem}`);
    err(`The configuration has problems, and the one from before stays in force:\n${lines.join('\n')}`);
    return;
  }
  const { applied, restart } = reloaded;
  out(
    applied.length === 0
      ? 'Read again; no key changed that takes effect now.'
      : `In force: ${applied.join(', ')}`,
  );
  if (restart.length > 0) out(`Waits for the restart: ${restart.join(', ')}`);
}

/**
 * For a daemon without a control socket, because its start could not work: the service manager names its process in
 * MAINPID to the command that reloads it. @throws the error itself when it is another, or there is nobody to signal.
 */
export function hangUpInstead(error: unknown): number {
  const pid = Number(process.env.MAINPID);
  const unreachable = error instanceof Error && error.name === 'DaemonUnreachable';
  if (!unreachable || !Number.isSafeInteger(pid) || pid < 2) throw error;
  process.kill(pid, 'SIGHUP');
  return EXIT.ok;
}
