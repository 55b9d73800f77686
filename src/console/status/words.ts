/** The words of the status pages, in every language. */
import type { InEveryLanguage } from '../site/visit.ts';
import { STATUS_EN, type StatusWords } from './words-en.ts';
import { STATUS_JA } from './words-ja.ts';

/** The words of the status pages. */
export const STATUS_WORDS: InEveryLanguage<StatusWords> = { en: STATUS_EN, ja: STATUS_JA };
