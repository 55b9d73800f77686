/** `rcptgate rotate-key`: everything that is sealed, sealed anew under another master key. */
import { type DaemonCommand, EXIT, usageError } from './command.ts';
import { count, printable } from './table.ts';

/** What the daemon answers. */
export interface KeyRotated {
  readonly path: string;
  readonly made: boolean;
  readonly resealed: number;
  readonly already: number;
  readonly unopened: ReadonlyArray<{ readonly tenant: string; readonly place: string; readonly why: string }>;
  readonly spare: readonly string[];
}

/** Takes no argument; exit code 0 when everything that is sealed is under the key now. */
export const rotateKey: DaemonCommand = async (daemon, args, terminal) => {
  if (args.positionals.length > 0) return usageError(terminal, 'usage: rcptgate rotate-key [--json]');
  const done = (await daemon.post('/v1/rotate-key', {})) as KeyRotated;
  terminal.out(args.json ? JSON.stringify(done, null, 2) : rotationText(done));
  return done.unopened.length === 0 ? EXIT.ok : EXIT.no;
};

/** What was done, what could not be, and what is to do now. Pure. */
export function rotationText(done: KeyRotated): string {
  const { made, path, resealed, already, unopened, spare } = done;
  const under = `${count(resealed)} ${resealed === 1 ? 'credential is' : 'credentials are'} sealed anew under it`;
  const head = made
    ? `${printable(path)} is a new key; ${under}.`
    : `The key is the one that systemd hands over; ${under}, ${count(already)} ${already === 1 ? 'was' : 'were'} already.`;
  return [
    head,
    ...(made ? [OLD_COPIES] : resealed === 0 && unopened.length === 0 ? [ANOTHER] : []),
    ...unopened.map(
      ({ tenant, place, why }) =>
        `Left as it is: ${PLACES[place] ?? place} of ${printable(tenant)}; ${why}. ${AGAIN}`,
    ),
    ...(spare.length === 0 ? [] : [`Nothing needs these keys any more: ${spare.map(printable).join(', ')}`]),
  ].join('\n');
}

const PLACES: Readonly<Record<string, string>> = {
  proven: 'the last credential that worked',
  used: 'the application from the console',
  pending: 'the application that waits in the console',
};
const OLD_COPIES =
  'The key before it is gone. Copies made by rcptgate backup --with-secrets are sealed with that one: make a new copy.';
const ANOTHER =
  'For another key: keep this one as rcptgate.master-key.previous, put 32 new bytes into its place, restart, run this again.';
const AGAIN = 'Enter the credential again in the console, or check its file.';
