/** Numbers, times and durations as a reader of a language expects them. Times are in ms since 1970, shown in UTC. */
import type { Language } from './visit.ts';

/** 12,345 */
export function numberText(language: Language, value: number): string {
  return new Intl.NumberFormat(language).format(value);
}

/** A moment as `2026-11-22 18:43 UTC`, or `fallback` when there is none. */
export function Time({ at, fallback = '–' }: { at: number | null; fallback?: string }) {
  if (at === null) return <>{fallback}</>;
  const iso = new Date(at).toISOString();
  return <time dateTime={iso}>{`${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`}</time>;
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** `5 minutes` of a duration in ms, in its largest whole unit, never below zero seconds. */
export function durationText(language: Language, ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms >= each) ?? ['second', 1000];
  const value = Math.max(0, Math.floor(ms / size));
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(value);
}

/** `5 minutes ago`, or `in 5 minutes` when `at` is after `now`. */
export function agoText(language: Language, at: number, now: number): string {
  const distance = Math.abs(now - at);
  const [unit, size] = UNITS.find(([, each]) => distance >= each) ?? ['second', 1000];
  const value = Math.floor(distance / size) * (at > now ? 1 : -1);
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(value, unit);
}
