/** Exports of Get-Recipient as administrators really have them, and what is said about those that cannot be used. */
import { describe, expect, it } from 'vitest';
import { ExchangeExportReader, type ReadExport } from '../../src/core/exchange-export.ts';
import { type Random, seeded } from '../random.ts';

const utf8 = (text: string): Uint8Array => Buffer.from(text);
const utf16le = (text: string): Uint8Array => Buffer.from(`\ufeff${text}`, 'utf16le');
const utf16be = (text: string): Uint8Array => Buffer.from(`\ufeff${text}`, 'utf16le').swap16();

function read(...pieces: Uint8Array[]): ReadExport {
  const reader = new ExchangeExportReader();
  for (const piece of pieces) reader.push(piece);
  return reader.end();
}

/** Addresses with their types, or the problem. */
function outcome(bytes: Uint8Array): Record<string, string> | string {
  const result = read(bytes);
  return result.ok ? Object.fromEntries(result.export.addresses) : result.problem;
}

const TWO = { 'a@contoso.example': 'PublicFolder', 'b@contoso.example': 'PublicFolder' };
const rows = (header: string, ...lines: string[]): string => `${[header, ...lines].join('\r\n')}\r\n`;
const usual = (list: string): string =>
  rows('PrimarySmtpAddress,RecipientTypeDetails,EmailAddresses', `a@contoso.example,PublicFolder,"${list}"`);

describe('an export', () => {
  it.each<[string, Uint8Array]>([
    ['UTF-8', utf8(usual('SMTP:a@contoso.example smtp:b@contoso.example'))],
    ['UTF-8 with a byte order mark', utf8(`\ufeff${usual('smtp:b@contoso.example')}`)],
    ['UTF-16LE', utf16le(usual('smtp:b@contoso.example'))],
    ['UTF-16BE', utf16be(usual('smtp:b@contoso.example'))],
    ['a #TYPE line', utf8(`#TYPE Selected.Object\r\n${usual('smtp:b@contoso.example')}`)],
    ['commas', utf8(usual('SMTP:a@contoso.example,smtp:b@contoso.example'))],
    ['semicolons', utf8(usual('SMTP:a@contoso.example;smtp:b@contoso.example;SIP:a@contoso.example'))],
    ['bars', utf8(usual('SMTP:a@contoso.example | smtp:b@contoso.example'))],
    ['line breaks', utf8(usual('SMTP:a@contoso.example\r\nsmtp:b@contoso.example'))],
    ['the form that PowerShell prints', utf8(usual('{SMTP:a@contoso.example, smtp:b@contoso.example}'))],
    ['no prefixes', utf8(usual('a@contoso.example; B@Contoso.example'))],
    [
      'X500 and others',
      utf8(
        usual('X500:/o=A B/ou=Group (X)/cn=c@contoso.example smtp:b@contoso.example EUM:1;phone-context=x'),
      ),
    ],
    [
      'columns in another order and case',
      utf8(
        rows(
          '"emailADDRESSES";"Name";"recipienttypedetails"',
          '"SMTP:a@contoso.example,smtp:b@contoso.example";"x;y";"PublicFolder"',
        ),
      ),
    ],
    [
      'tabs',
      utf8(
        rows(
          'EmailAddresses\tRecipientTypeDetails',
          'smtp:a@contoso.example smtp:b@contoso.example\tPublicFolder',
        ),
      ),
    ],
    [
      'two rows of one type',
      utf8(
        rows(
          'PrimarySmtpAddress,RecipientTypeDetails',
          'A@contoso.example,PublicFolder',
          'SMTP:b@CONTOSO.example,PublicFolder',
        ),
      ),
    ],
  ])('with %s', (_name, bytes) => {
    expect(outcome(bytes)).toEqual(TWO);
  });

  it('keeps quoted local parts whole, and international domains as A-labels', () => {
    expect(
      outcome(utf8(rows('EmailAddresses', '"smtp:""two words""@contoso.example SMTP:info@bücher.example"'))),
    ).toEqual({
      'two words@contoso.example': 'recipient',
      'info@xn--bcher-kva.example': 'recipient',
    });
  });

  it('counts what it cannot use and warns of what it lacks', () => {
    const result = read(utf8(rows('PrimarySmtpAddress,Name', 'a@contoso.example,A', ',B', 'no address,C')));
    expect(result).toMatchObject({
      ok: true,
      export: {
        rows: 3,
        addressless: 1,
        unusable: 1,
        firstUnusable: 'line 4: "no address"',
        warnings: [
          expect.stringContaining('EmailAddresses'),
          expect.stringContaining('RecipientTypeDetails'),
        ],
      },
    });
  });
});

describe('a file that cannot be used', () => {
  it.each<[string, Uint8Array, string[]]>([
    [
      'a missing column',
      utf8(rows('Name,Mail', 'x,a@contoso.example')),
      ['line 1', 'PrimarySmtpAddress', '"Mail"'],
    ],
    ['no row with an address', utf8(rows('PrimarySmtpAddress', '')), ['none of its 0 rows']],
    ['rows without addresses', utf8(rows('PrimarySmtpAddress,Name', ',x', ',y')), ['none of its 2 rows']],
    ['nothing at all', utf8(''), ['the file is empty']],
    [
      'a list cut short',
      utf8(
        usual(
          '{SMTP:a@contoso.example, smtp:b@contoso.example, smtp:c@contoso.example, smtp:d@contoso.example...}',
        ),
      ),
      ['line 2, column EmailAddresses', '$FormatEnumerationLimit'],
    ],
    [
      'a list cut short by PowerShell 7',
      utf8(
        rows('Name,EmailAddresses', 'x,smtp:b@contoso.example', '"The ""boss""","{smtp:a@contoso.example…}"'),
      ),
      ['line 3, column EmailAddresses of "The "boss""', '$FormatEnumerationLimit'],
    ],
    ['a type instead of a list', utf8(usual('System.String[]')), ['line 2', 'System.String[]', 'Join']],
    [
      'a type of Exchange instead of a list',
      utf8(usual('Microsoft.Exchange.Data.ProxyAddressCollection')),
      ['name of a type'],
    ],
    [
      'another number of fields',
      utf8(rows('Name,PrimarySmtpAddress', 'Doe, Jane,jane@contoso.example')),
      ['line 2', '3 fields', '2'],
    ],
    [
      'a quote that never closes',
      utf8('PrimarySmtpAddress\n"a@contoso.example\n'),
      ['line 2, character 1', 'never ends'],
    ],
    ['an Excel workbook', Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0), ['Excel workbook']],
    ['an old Excel workbook', Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 1), ['Excel workbook']],
    ['a binary file', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 0, 1), ['zero bytes']],
    ['UTF-16 without a mark', Buffer.from(usual('smtp:b@contoso.example'), 'utf16le'), ['byte order mark']],
  ])('%s', (_name, bytes, parts) => {
    const problem = outcome(bytes);
    for (const part of parts) expect(problem).toContain(part);
    expect(problem).toBeTypeOf('string');
  });
});

function pieces(bytes: Uint8Array, random: Random): Uint8Array[] {
  const cut: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(random.pick([1, 4, 200]));
    cut.push(bytes.slice(at, at + size));
    at += size;
  }
  return cut;
}

/** A row for `own` addresses, with everything else in it that real rows have. */
function randomRow(own: readonly string[], type: string, separator: string, random: Random): string {
  const shouted = own.map((address) =>
    random.below(2) ? `smtp:${address.toUpperCase()}` : `SMTP:${address}`,
  );
  const entries = [...shouted, 'X500:/o=A B/cn=x', 'sip:u1@d9.example'];
  const list = entries.join(random.pick([' ', ';', ', ', '|', '\n']));
  const name = random.pick(['plain', 'with ""quotes""', `with ${separator} it`, 'über', 'two\r\nlines']);
  return `"${name}"${separator}"${list}"${separator}${type}${separator}${own[0]}`;
}

/** A random export and the addresses in it. */
function randomExport(random: Random): { text: string; expected: Map<string, string> } {
  const separator = random.pick([',', ';', '\t']);
  const end = random.pick(['\r\n', '\n']);
  const expected = new Map<string, string>();
  const lines = [['Name', 'EmailAddresses', 'RecipientTypeDetails', 'PrimarySmtpAddress'].join(separator)];
  for (let row = random.below(12) + 1; row > 0; row--) {
    const type = random.pick(['PublicFolder', 'MailContact', 'DynamicDistributionGroup']);
    const own = Array.from(
      { length: random.below(4) + 1 },
      () => `u${random.below(500)}@d${random.below(3)}.example`,
    );
    for (const address of own) if (!expected.has(address)) expected.set(address, type);
    lines.push(randomRow(own, type, separator, random));
  }
  return { text: lines.join(end) + random.pick([end, '']), expected };
}

describe('random exports', () => {
  it('give the addresses they were made from, in every encoding and however they are cut', () => {
    const random = seeded(2026);
    for (let round = 0; round < 400; round++) {
      const { text, expected } = randomExport(random);
      const encode = random.pick([utf8, utf16le, utf16be, (plain: string) => utf8(`\ufeff${plain}`)]);
      const bytes = encode(text);
      const whole = read(bytes);
      expect(whole.ok && new Map(whole.export.addresses), text).toEqual(expected);
      expect(read(...pieces(bytes, random)), text).toEqual(whole);
    }
  });

  it('of noise never throw', () => {
    const random = seeded(7);
    for (let round = 0; round < 500; round++) {
      const bytes = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
      expect(read(...pieces(bytes, random)).ok).toBe(false);
    }
  });
});
