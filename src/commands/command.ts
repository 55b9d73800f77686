/** What a small command works with: the daemon it asks, the terminal it writes to, and its exit codes. */

/** Exit codes, the same for every command; the README has the table. */
export const EXIT = { ok: 0, no: 1, usage: 2, unreachable: 3, unsure: 4 } as const;

/** Where a command writes; one call is one line or block. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Standard output is a terminal: progress may be drawn. */
  readonly terminal: boolean;
  /** Draws the state of long work over the one before; empty: it is over. Absent where nobody looks. */
  progress?(text: string): void;
}

/** The running daemon, as its control socket shows it. */
export interface Daemon {
  get(path: string): Promise<unknown>;
  /** Posts JSON, or bytes as they are. */
  post(path: string, body: unknown): Promise<unknown>;
  /** Posts and reads the answer as JSON lines, as they come. */
  postLines(path: string, body: unknown): AsyncIterable<unknown>;
  /** Posts and reads the answer as bytes, as they come. */
  postBytes(path: string, body: unknown): AsyncIterable<Uint8Array>;
}

/** A parsed command line. */
export interface Arguments {
  readonly positionals: readonly string[];
  readonly config: string;
  readonly json: boolean;
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/** A command that asks the daemon. Returns the exit code. */
export type DaemonCommand = (daemon: Daemon, args: Arguments, terminal: Terminal) => Promise<number>;

/** Says how the command is used; the exit code is 2. */
export function usageError(terminal: Terminal, message: string): number {
  terminal.err(message);
  return EXIT.usage;
}
