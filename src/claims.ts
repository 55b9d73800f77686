/** Inherited sockets shared out between listeners, doors and the console, each descriptor once. */
import type { Config } from './config/config.ts';
import { listenText } from './config/listen.ts';
import type { ConfigProblem } from './config/problem.ts';
import { claimSockets, type InheritedSockets } from './ops/inherited-sockets.ts';
import type { Notifier } from './ops/notify.ts';

/** What the process was started by. */
export interface Service {
  readonly sockets: InheritedSockets;
  readonly notifier: Notifier;
  /** The sockets are in use; after a failure nobody else may listen on them. */
  taken: boolean;
}

/** Descriptors in the order of the configuration; null: it has an address of its own. */
export interface Claims {
  readonly smtp: ReadonlyArray<number | null>;
  /** undefined: its socket was not passed, so that door stays shut. */
  readonly doors: ReadonlyArray<number | null | undefined>;
  readonly console: number | null | undefined;
  /** What was asked for and not passed, or passed and not asked for. */
  readonly problems: readonly ConfigProblem[];
}

/**
 * Shares out the sockets. Mail comes first: a door or a console without its socket is a problem that is told.
 * @throws Error when a listener's socket was not passed.
 */
export function claimAll(config: Config, sockets: InheritedSockets): Claims {
  const smtp = claimSockets(
    config.smtp.map(({ inherited }) => inherited),
    sockets,
  );
  const taken = new Set<number | null | undefined>(smtp);
  const problems: ConfigProblem[] = [];
  const claim = (key: string, name: string | null): number | null | undefined => {
    if (name === null) return null;
    const fd = sockets.get(name)?.find((each) => !taken.has(each));
    taken.add(fd);
    if (fd === undefined)
      problems.push({
        key,
        problem: `no such socket was passed: ${listenText({ ...NOWHERE, inherited: name })}`,
      });
    return fd;
  };
  const doors = config.doors.map(({ address }, index) =>
    claim(`door[${index}].listen`, 'inherited' in address ? address.inherited : null),
  );
  const { enabled, inherited } = config.console;
  const console = claim('console.listen', enabled ? inherited : null);
  for (const [name, fds] of sockets) {
    if (fds.every((fd) => taken.has(fd))) continue;
    // Its clients would wait for ever.
    problems.push({
      key: 'listen',
      problem: `the socket ${name} was passed, and nothing listens on "systemd:${name}"`,
    });
  }
  return { smtp, doors, console, problems };
}

const NOWHERE = { host: '', port: 0 };
