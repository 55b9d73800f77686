/** The words of the recipients pages, in every language. */
import type { InEveryLanguage } from '../site/visit.ts';
import { RECIPIENT_EN, type RecipientWords } from './words-en.ts';
import { RECIPIENT_JA } from './words-ja.ts';

/** The words of the recipients pages. */
export const RECIPIENT_WORDS: InEveryLanguage<RecipientWords> = { en: RECIPIENT_EN, ja: RECIPIENT_JA };
