/** `rcptgate console-link`: prints a one-time link into the console. */
import { type DaemonCommand, EXIT, usageError } from './command.ts';

type LinkAnswer =
  | { readonly ok: true; readonly url: string; readonly until: number }
  | { readonly ok: false; readonly problem: string };

/** Only the link goes to standard output, so that it can be piped. Exit code: 0 printed, 1 the console cannot be reached. */
export const consoleLink: DaemonCommand = async (daemon, { positionals, json }, { out, err }) => {
  if (positionals.length > 0)
    return usageError({ out, err, terminal: false }, 'console-link takes no arguments');
  const answer = (await daemon.post('/v1/console/link', {})) as LinkAnswer;
  if (json) out(JSON.stringify(answer));
  else if (answer.ok) out(answer.url);
  if (!answer.ok) {
    err(answer.problem);
    return EXIT.no;
  }
  const end = new Date(answer.until).toISOString().slice(11, 16);
  if (!json) err(`It is good once, until ${end} UTC. Whoever opens it is an administrator of the gateway.`);
  return EXIT.ok;
};
