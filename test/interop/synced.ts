/** A daemon that knows its tenant: started, and its first round is over. */
import type { Daemon } from '../daemon.ts';

/** Waits for the first complete round. @throws Error when it was not a good one. */
export async function synced(starting: Promise<Daemon>): Promise<Daemon> {
  const daemon = await starting;
  const round = await daemon.logged((line) => line.event === 'sync.round');
  if (round.outcome !== 'ok') throw new Error(`first round: ${JSON.stringify(round)}`);
  await daemon.logged((line) => line.event === 'directory.publish' && line.synced_at !== null);
  return daemon;
}
