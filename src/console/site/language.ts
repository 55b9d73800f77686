/** Which language a visitor reads. */
import type { Language } from './visit.ts';

/** A language by its name. */
export function languageNamed(text: string | undefined): Language | null {
  return text === 'en' || text === 'ja' ? text : null;
}

/** The language of an Accept-Language header (RFC 9110 section 12.5.4): the one with the higher weight, English if in doubt. */
export function acceptedLanguage(header: string | undefined): Language {
  const weights: Record<Language, number> = { en: 0, ja: 0 };
  for (const part of (header ?? '').slice(0, 1000).split(',')) {
    const [range = '', ...parameters] = part.trim().toLowerCase().split(';');
    const quality = parameters
      .map((text) => /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/.exec(text)?.[1])
      .find(Boolean);
    const language = languageNamed(range.trim().split('-')[0]);
    if (language)
      weights[language] = Math.max(weights[language], quality === undefined ? 1 : Number(quality));
  }
  return weights.ja > weights.en ? 'ja' : 'en';
}
