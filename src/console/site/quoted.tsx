/** Text that somebody outside chose, on a page: as it is, without what could turn or hide what stands around it. */

/** Most characters shown of one text. */
const LONGEST = 400;

/** Controls, format characters (text direction among them) and lone surrogates become `?`; long text is cut. */
export function quotedText(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?');
}

/** Foreign text, set apart from the direction of the text around it. */
export function Quoted({ text }: { readonly text: string }) {
  return <bdi>{quotedText(text)}</bdi>;
}
