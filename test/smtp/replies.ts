/** What every reply of the gateway must look like, whatever was said to it. */
import { expect } from 'vitest';

/** The replies in what a server wrote; throws when it is not made of whole replies. */
export function repliesOf(text: string): string[] {
  const replies: string[] = [];
  let lines: string[] = [];
  for (const line of text.split('\r\n').slice(0, -1)) {
    expect(line).toMatch(/^[2-5]\d\d[ -][ -~]*$/);
    lines.push(line);
    if (line[3] === '-') continue;
    replies.push(lines.join('\n'));
    lines = [];
  }
  expect(lines).toEqual([]);
  expect(text === '' || text.endsWith('\r\n')).toBe(true);
  return replies;
}

/** Every refusal carries its reference, every reply its enhanced code of the right class, where RFC 2034 has one. */
export function expectWellWorded(replies: readonly string[]): void {
  for (const reply of replies) {
    const code = Number(reply.slice(0, 3));
    if (code >= 400) expect(reply).toMatch(/\[ref 7F3K2Q\]$/);
    if (code === 220 && reply.endsWith('ESMTP')) continue;
    if (code === 354 || /^250[ -]gw\.example/.test(reply)) continue;
    for (const line of reply.split('\n')) {
      expect(line).toMatch(new RegExp(`^${code}[ -]${String(code)[0]}\\.\\d{1,3}\\.\\d{1,3} `));
    }
  }
}
