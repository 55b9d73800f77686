/** The recipes of the README, as they stand there: what is documented is what is run. */
import { readFileSync } from 'node:fs';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/**
 * The text of a recipe with `values` in the places of the documented ones.
 * @throws Error when there is no such recipe, or when a documented value is not in it.
 */
export function recipe(name: string, values: Readonly<Record<string, string>> = {}): string {
  const found = new RegExp(`<!-- recipe: ${name} -->\\n\`\`\`[a-z]*\\n([^]*?)\`\`\``).exec(README)?.[1];
  if (found === undefined) throw new Error(`the README has no recipe ${name}`);
  return Object.entries(values).reduce((text, [documented, value]) => {
    if (!text.includes(documented)) throw new Error(`the recipe ${name} does not say ${documented}`);
    return text.replaceAll(documented, value);
  }, found);
}

/** The settings of a main.cf recipe. */
export function settings(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const equals = line.indexOf('=');
      return [line.slice(0, equals).trim(), line.slice(equals + 1).trim()];
    }),
  );
}
