/** `rcptgate serve`: the gateway as a service, with the sockets it was started with, or without a way to work. */
import { serve } from './app.ts';
import { readConfig } from './config/file.ts';
import { problemLines } from './config/problem.ts';
import { serveDegraded } from './degraded.ts';
import { forgetInheritedSockets, inheritedSockets } from './ops/inherited-sockets.ts';
import { openNotifier } from './ops/notify.ts';
import { scheduleProblem } from './sync/schedule.ts';

/** Wrong usage, as every command ends with it. */
const BAD_CONFIGURATION = 2;
/** Ms until a start that failed is tried again as a whole. */
const RETRY = 30_000;

/**
 * Runs until a signal. Returns the exit code. In a terminal every problem of the configuration is listed, and that is
 * all. With inherited sockets the process stays and defers mail, because whoever holds them keeps the port open.
 */
export async function serveFile(file: string, version: string, err: (text: string) => void): Promise<number> {
  const sockets = inheritedSockets(process.env, process.pid);
  forgetInheritedSockets(process.env);
  const notifier = openNotifier();
  const reread = () => readConfig(file, { schedule: scheduleProblem });
  const parsed = reread();
  const outOfService = { file, sockets, notifier, reread };
  if (!parsed.ok) {
    err(`${file} cannot be used:\n${problemLines(parsed.problems)}`);
    if (sockets.size === 0) return BAD_CONFIGURATION;
    return serveDegraded({ ...outOfService, problems: parsed.problems, retryMs: null });
  }
  const service = { sockets, notifier, taken: false };
  let failure = '';
  const failed = (text: string): void => {
    failure = text;
    err(text);
  };
  const source = { file: parsed.file, reread };
  const code = await serve(parsed.config, version, failed, undefined, source, service);
  if (code === 0 || sockets.size === 0 || service.taken) return code;
  const problems = [{ key: 'start', problem: failure }];
  return serveDegraded({ ...outOfService, problems, retryMs: RETRY });
}
