/** xtext: RFC 3461 section 4. Printable ASCII, where `+2B` stands for the octet 0x2B. */

const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** The text that xtext stands for; null for bad syntax, for what is not UTF-8, and for control characters. */
export function decodeXtext(value: string): string | null {
  if (!XTEXT.test(value)) return null;
  if (!value.includes('+')) return value;
  const octets = value.replace(/\+([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  try {
    const text = strictUtf8.decode(Buffer.from(octets, 'latin1'));
    return CONTROL.test(text) ? null : text;
  } catch {
    return null;
  }
}
