/** The mirror opened for learning: a damaged one is replaced, at the start and when the damage shows later. */
import type { GuardLimits } from './core/reconcile.ts';
import { type Mirror, openMirror } from './mirror/mirror.ts';
import { isMirrorDamage, rebuild, rescueText, tellingDamage } from './mirror/rescue.ts';

/**
 * Opens the mirror at `path`. When its content is found to be damaged later, a new one takes its place and the thread ends:
 * it is started again with that one, and what was published goes on answering meanwhile.
 * @throws Error naming the file and what to do about it.
 */
export function openSoundMirror(
  path: string,
  guard: GuardLimits,
  trouble: (message: string) => void,
): Mirror {
  const replace = (error: unknown): void => {
    const reason = error instanceof Error ? error.message : String(error);
    trouble(rescueText(rebuild(path), reason));
  };
  let ending = false;
  return tellingDamage(openOrReplace(path, guard, replace), (error) => {
    if (ending) return;
    ending = true;
    setImmediate(() => {
      replace(error);
      throw new Error(
        'the mirror was damaged and has been replaced; the thread starts again with the new one',
      );
    });
  });
}

function openOrReplace(path: string, guard: GuardLimits, replace: (error: unknown) => void): Mirror {
  try {
    return openMirror(path, guard);
  } catch (error) {
    if (!isMirrorDamage(error)) throw error;
    replace(error);
    return openMirror(path, guard);
  }
}
