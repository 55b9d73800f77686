/** HTML from templates: what is filled in is escaped, unless it is HTML of these templates itself. */

/** A piece of HTML. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Filling = string | Markup | readonly Markup[];

/** A template of HTML. */
export function html(parts: TemplateStringsArray, ...fillings: readonly Filling[]): Markup {
  const text = parts.map((part, index) => part + textOf(fillings[index] ?? '')).join('');
  return new Markup(text);
}

function textOf(filling: Filling): string {
  if (filling instanceof Markup) return filling.text;
  if (typeof filling === 'string') return escaped(filling);
  return filling.map(({ text }) => text).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
