/**
 * Sockets that the process was started with: the protocol of systemd's socket units (sd_listen_fds(3)). Whoever holds
 * the socket keeps the port open while the daemon restarts, and connections wait instead of being refused.
 */

/** Descriptors by name, in the order they were passed. */
export type InheritedSockets = ReadonlyMap<string, readonly number[]>;

/** The first passed descriptor. */
const FIRST = 3;

/**
 * Reads LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID. Sockets without a name are called `unknown`, as systemd does. Nothing
 * when they were meant for another process.
 */
export function inheritedSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): InheritedSockets {
  const sockets = new Map<string, number[]>();
  const count = Number(env.LISTEN_FDS ?? 0);
  const meant = env.LISTEN_PID === undefined || Number(env.LISTEN_PID) === pid;
  if (!meant || !Number.isInteger(count) || count < 1 || count > 1000) return sockets;
  const names = (env.LISTEN_FDNAMES ?? '').split(':');
  for (let index = 0; index < count; index += 1) {
    const name = names[index] || 'unknown';
    sockets.set(name, [...(sockets.get(name) ?? []), FIRST + index]);
  }
  return sockets;
}

/**
 * The descriptor for each listener that wants an inherited socket by name (null: it has an address of its own), each
 * descriptor once, in order.
 * @throws Error when a socket was not passed.
 */
export function claimSockets(
  names: ReadonlyArray<string | null>,
  sockets: InheritedSockets,
): Array<number | null> {
  const taken = new Map<string, number>();
  return names.map((name) => {
    if (name === null) return null;
    const next = taken.get(name) ?? 0;
    taken.set(name, next + 1);
    const fd = sockets.get(name)?.[next];
    if (fd !== undefined) return fd;
    const passed = [...sockets].map(([each, fds]) => `${each} (${fds.length})`).join(', ') || 'none';
    throw new Error(`listen "systemd:${name}": no such socket was passed; passed were: ${passed}`);
  });
}

/** Takes the variables away, so that no child believes that the sockets are for it. */
export function forgetInheritedSockets(env: Record<string, string | undefined>): void {
  for (const name of ['LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PID']) delete env[name];
}
