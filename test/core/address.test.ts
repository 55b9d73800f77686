/** Addresses: RFC 5321 syntax and lengths, folding, IDN, and what the directory makes of them. */
import { describe, expect, it } from 'vitest';
import {
  foldAscii,
  needsSmtpUtf8,
  normaliseAddress,
  normaliseDomain,
  parseMailbox,
  withoutSubaddress,
} from '../../src/core/address.ts';
import { seeded } from '../random.ts';

function keyOf(text: string): string {
  const parsed = parseMailbox(text);
  return parsed.ok ? parsed.mailbox.key : parsed.problem;
}

const L64 = 'l'.repeat(64);
const LONG_DOMAIN = `${'d'.repeat(63)}.${'d'.repeat(63)}.${'d'.repeat(61)}`;

describe('parseMailbox', () => {
  it.each([
    // ordinary and case
    ['alice@contoso.example', 'alice@contoso.example'],
    ['ALICE@Contoso.EXAMPLE', 'alice@contoso.example'],
    ["o'brien+x&y/z=%{}|~`!#$*?^_-@contoso.example", "o'brien+x&y/z=%{}|~`!#$*?^_-@contoso.example"],
    // quoted local parts mean their content
    ['"alice"@contoso.example', 'alice@contoso.example'],
    ['"a.smith"@contoso.example', 'a.smith@contoso.example'],
    ['"a\\lice"@contoso.example', 'alice@contoso.example'],
    ['"with space"@contoso.example', 'with space@contoso.example'],
    ['"with@at"@contoso.example', 'with@at@contoso.example'],
    ['"a..b"@contoso.example', 'a..b@contoso.example'],
    ['"quo\\"te"@contoso.example', 'quo"te@contoso.example'],
    ['""@contoso.example', 'syntax'],
    ['"open@contoso.example', 'syntax'],
    ['"a"b"@contoso.example', 'syntax'],
    // postmaster
    ['postmaster', 'postmaster'],
    ['PostMaster', 'postmaster'],
    ['abuse', 'syntax'],
    // source routes
    ['@relay.example:alice@contoso.example', 'alice@contoso.example'],
    ['@a.example,@b.example:alice@contoso.example', 'alice@contoso.example'],
    ['@relay.example:postmaster', 'postmaster'],
    ['@contoso.example', 'syntax'],
    // the percent hack is just a local part
    ['bob%fabrikam.example@contoso.example', 'bob%fabrikam.example@contoso.example'],
    // IDN in both forms
    ['info@bücher.example', 'info@xn--bcher-kva.example'],
    ['info@BÜCHER.example', 'info@xn--bcher-kva.example'],
    ['info@XN--BCHER-KVA.example', 'info@xn--bcher-kva.example'],
    // an A-label is never decoded into another domain
    ['info@xn--contosoexample-r62m', 'info@xn--contosoexample-r62m'],
    // SMTPUTF8 local parts keep their characters: only ASCII folds
    ['Jürgen@contoso.example', 'jürgen@contoso.example'],
    ['JÜRGEN@contoso.example', 'jÜrgen@contoso.example'],
    ['\u212Aelvin@contoso.example', '\u212Aelvin@contoso.example'],
    // literals are addresses, though nobody's
    ['alice@[127.0.0.1]', 'alice@[127.0.0.1]'],
    ['alice@[IPv6:::1]', 'alice@[ipv6:::1]'],
    ['alice@[not a literal]', 'bad-domain'],
    // syntax
    ['', 'syntax'],
    ['alice', 'syntax'],
    ['alice@', 'bad-domain'],
    ['@', 'syntax'],
    ['.alice@contoso.example', 'syntax'],
    ['alice.@contoso.example', 'syntax'],
    ['a..b@contoso.example', 'syntax'],
    ['a b@contoso.example', 'syntax'],
    ['a(c)@contoso.example', 'syntax'],
    ['a,b@contoso.example', 'syntax'],
    ['alice@contoso..example', 'bad-domain'],
    ['alice@-contoso.example', 'bad-domain'],
    ['alice@contoso-.example', 'bad-domain'],
    ['alice@contoso.example.', 'bad-domain'],
    // control characters and characters that hide
    ['ali\u0000ce@contoso.example', 'control-character'],
    ['alice@contoso.example\r\nRSET', 'control-character'],
    ['ali\u200bce@contoso.example', 'control-character'],
    ['\u202ealice@contoso.example', 'control-character'],
    ['ali\ufffdce@contoso.example', 'control-character'],
    // lengths
    [`${L64}@contoso.example`, `${L64}@contoso.example`],
    [`${L64}l@contoso.example`, 'too-long'],
    [`${'ü'.repeat(33)}@contoso.example`, 'too-long'],
    [`a@${LONG_DOMAIN}`, `a@${LONG_DOMAIN}`],
    [`${L64}@${LONG_DOMAIN}`, `${L64}@${LONG_DOMAIN}`],
    [`${L64}@${LONG_DOMAIN}d`, 'too-long'],
    [`a@${'d'.repeat(64)}.example`, 'bad-domain'],
  ])('%j is %j', (text, expected) => {
    expect(keyOf(text)).toBe(expected);
  });

  it('keeps the text for the next hop, without the source route', () => {
    expect(parseMailbox('@relay.example:"A.Smith"@Contoso.example')).toMatchObject({
      mailbox: { text: '"A.Smith"@Contoso.example', local: 'A.Smith', domain: 'contoso.example' },
    });
  });

  it('never throws, and what it accepts it accepts again in normal form (20,000 seeded texts)', () => {
    const random = seeded(20_261_122);
    const alphabet = [
      ...'aZ9.@@"\\ <>:,;[]()+%-_\u0000\r\n\tü\u212A\u200b\ufffd',
      'xn--',
      'contoso.example',
      'K',
    ];
    for (let run = 0; run < 20_000; run++) {
      const text = Array.from({ length: random.below(24) }, () => random.pick(alphabet)).join('');
      const parsed = parseMailbox(text);
      if (!parsed.ok || parsed.mailbox.domain === '') continue;
      const quoted = `"${parsed.mailbox.local.replace(/(["\\])/g, '\\$1')}"@${parsed.mailbox.domain}`;
      expect(keyOf(quoted), text).toBe(parsed.mailbox.key);
      expect(normaliseAddress(parsed.mailbox.text) ?? parsed.mailbox.key, text).toBe(parsed.mailbox.key);
    }
  });
});

describe('normaliseAddress', () => {
  it.each([
    ['Alice@Contoso.example', 'alice@contoso.example'],
    ['  alice@contoso.example ', 'alice@contoso.example'],
    ['info@bücher.example', 'info@xn--bcher-kva.example'],
    ['odd..dots.@contoso.example', 'odd..dots.@contoso.example'],
    ['"with space"@contoso.example', 'with space@contoso.example'],
    ['no-domain', null],
    ['@contoso.example', null],
    ['alice@', null],
    ['ali\nce@contoso.example', null],
  ])('%j is %j', (text, expected) => {
    expect(normaliseAddress(text)).toBe(expected);
  });
});

describe('the small rules', () => {
  it('folds ASCII only', () => {
    expect(foldAscii('ABCxyzÄ\u212A\u0130')).toBe('abcxyzÄ\u212A\u0130');
  });

  it.each([
    ['Contoso.Example', 'contoso.example'],
    ['a_b.example', 'a_b.example'],
    ['', null],
    [`${'a.'.repeat(130)}example`, null],
    ['exa mple', null],
  ])('domain %j is %j', (text, expected) => {
    expect(normaliseDomain(text)).toBe(expected);
  });

  it.each([
    ['alice+tag@contoso.example', 'alice@contoso.example'],
    ['Alice+a+b@contoso.example', 'alice@contoso.example'],
    ['alice@contoso.example', null],
    ['+tag@contoso.example', null],
  ])('%j without its sub-address is %j', (text, expected) => {
    const parsed = parseMailbox(text);
    expect(parsed.ok && withoutSubaddress(parsed.mailbox)).toBe(expected);
  });

  it.each([
    ['alice@contoso.example', false],
    ['jürgen@contoso.example', true],
    ['info@bücher.example', true],
  ])('%j needs SMTPUTF8: %j', (text, expected) => {
    expect(needsSmtpUtf8(text)).toBe(expected);
  });
});
