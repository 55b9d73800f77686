/** The pure rules of the SMTP side, as tables. */
import { describe, expect, it } from 'vitest';
import { ACTION_OF, bareVerdict, type Reason } from '../../src/core/verdict.ts';
import { capabilitiesOf, NO_CAPABILITIES, offerFor } from '../../src/smtp/capabilities.ts';
import { parseMailCommand, parseParameters, parseRcptCommand } from '../../src/smtp/command.ts';
import { mailLine } from '../../src/smtp/hop-envelope.ts';
import type { Stage } from '../../src/smtp/next-hop.ts';
import { receivedHeader } from '../../src/smtp/received.ts';
import { relayReply } from '../../src/smtp/relay-reply.ts';
import { replyFor, replyLines } from '../../src/smtp/reply.ts';
import { ReplyReader } from '../../src/smtp/reply-reader.ts';
import { below, pieces, seeded } from './seeded.ts';

describe('replyFor', () => {
  it('has a reply of the right class for every reason', () => {
    const classes = { accept: /^2/, reject: /^5/, defer: /^4/ };
    for (const [reason, action] of Object.entries(ACTION_OF)) {
      const reply = replyFor(bareVerdict(reason as Reason), '7F3K2Q');
      expect(String(reply.code), reason).toMatch(classes[action]);
      expect(reply.enhanced?.[0], reason).toBe(String(reply.code)[0]);
      expect(reply.lines.join().endsWith('[ref 7F3K2Q]'), reason).toBe(action !== 'accept');
    }
  });

  it('uses the operator’s text, made fit for a reply', () => {
    const verdict = { ...bareVerdict('override-deny'), text: 'Left in May\r\n250 ok' };
    expect(replyLines(replyFor(verdict, 'ABCDEF'))).toEqual(['5.1.1 Left in May??250 ok [ref ABCDEF]']);
  });

  it('follows the action when a verdict contradicts its reason', () => {
    expect(replyFor({ ...bareVerdict('known'), action: 'defer' }, 'ABCDEF').code).toBe(451);
    expect(replyFor({ ...bareVerdict('unknown'), action: 'accept' }, 'ABCDEF').code).toBe(250);
    expect(replyFor({ ...bareVerdict('unknown'), action: 'defer' }, 'ABCDEF').code).toBe(451);
  });
});

describe('relayReply', () => {
  const rows: Array<[Stage, number, string, string]> = [
    ['rcpt', 250, '2.1.5 ok', '250 2.1.5 ok'],
    ['rcpt', 251, 'will forward', '250 2.1.5 will forward'],
    ['message', 250, 'queued', '250 2.0.0 queued'],
    ['mail', 250, 'fine', '250 2.1.0 fine'],
    ['rcpt', 550, '5.1.1 unknown', '550 5.1.1 unknown'],
    ['rcpt', 550, '5.7.1 denied', '550 5.7.1 denied'],
    ['mail', 550, '5.7.26 unauthenticated', '550 5.7.26 unauthenticated'],
    ['mail', 552, '5.3.4 too big', '552 5.3.4 too big'],
    ['rcpt', 452, '4.2.2 over quota', '452 4.2.2 over quota'],
    ['rcpt', 450, '4.7.1 greylisted', '450 4.7.1 greylisted'],
    ['rcpt', 556, '5.1.10 null MX', '556 5.1.10 null MX'],
    ['message', 554, '5.7.1 spam', '554 5.7.1 spam'],
    ['rcpt', 501, '5.1.3 bad address', '501 5.1.3 bad address'],
    ['data', 554, '5.5.1 no valid recipients', '554 5.5.1 no valid recipients'],
    ['rcpt', 501, '5.5.4 bad argument', '451 4.4.0'],
    ['rcpt', 501, 'bad argument', '451 4.4.0'],
    ['mail', 500, '5.5.2 what', '451 4.4.0'],
    ['mail', 502, '5.5.1 no', '451 4.4.0'],
    ['rcpt', 503, '5.5.1 order', '451 4.4.0'],
    ['mail', 504, '5.5.4 no', '451 4.4.0'],
    ['mail', 521, '5.3.2 no mail', '451 4.4.0'],
    ['mail', 530, '5.7.0 authenticate', '451 4.4.0'],
    ['mail', 535, '5.7.8 credentials', '451 4.4.0'],
    ['mail', 538, '5.7.11 encrypt', '451 4.4.0'],
    ['mail', 555, '5.5.4 parameter', '451 4.4.0'],
    ['rcpt', 421, '4.3.2 closing', '451 4.4.2'],
    ['message', 421, '4.3.2 closing', '451 4.4.2'],
    ['rcpt', 550, '5.7.64 attribution', '451 4.4.0'],
    ['rcpt', 550, '5.7.606 banned', '451 4.4.0'],
    ['rcpt', 550, '5.7.649 banned', '451 4.4.0'],
    ['rcpt', 550, '5.7.650 other', '550 5.7.650 other'],
    ['rcpt', 550, '5.7.708 traffic', '451 4.4.0'],
    ['rcpt', 354, 'go', '451 4.4.0'],
    ['data', 250, 'sure', '451 4.4.0'],
    ['greeting', 554, '5.7.1 blocked', '451 4.4.1'],
    ['ehlo', 550, 'no', '451 4.4.1'],
  ];
  it.each(rows)('at %s %i %s', (stage, code, text, expected) => {
    const reply = relayReply(stage, { code, lines: [text] });
    expect(`${reply.code} ${replyLines(reply).join(' ')}`.startsWith(expected)).toBe(true);
  });

  it('answers DATA with its 354 and makes foreign text harmless', () => {
    expect(relayReply('data', { code: 354, lines: ['go'] })).toEqual({
      code: 354,
      enhanced: null,
      lines: ['go'],
    });
    expect(relayReply('rcpt', { code: 550, lines: ['5.1.1 a\r\x00b\xff'] }).lines).toEqual(['a??b?']);
  });
});

describe('the reply reader', () => {
  it.each([
    ['220 hi\r\n', [[220, ['hi']]], null],
    ['250\r\n', [[250, ['']]], null],
    ['250 \n', [[250, ['']]], null],
    ['250-a\r\n250-b\r\n250 c\r\n', [[250, ['a', 'b', 'c']]], null],
    [
      '250 a\r\n550 b\r\n',
      [
        [250, ['a']],
        [550, ['b']],
      ],
      null,
    ],
    ['250-a\r\n550 b\r\n', [], 'not an SMTP reply'],
    ['250 a\r\nhello\r\n', [[250, ['a']]], 'not an SMTP reply'],
    ['199 a\r\n', [], 'not an SMTP reply'],
    ['2500 a\r\n', [], 'not an SMTP reply'],
    ['\r\n', [], 'not an SMTP reply'],
    [`250 ${'x'.repeat(3000)}`, [], 'reply line too long'],
    ['250-x\r\n'.repeat(200), [], 'reply of too many lines'],
  ] as Array<[string, Array<[number, string[]]>, string | null]>)('reads %j', (text, replies, problem) => {
    const expected = replies.map(([code, lines]) => ({ code, lines }));
    for (const size of [1, 2, 3, 7, text.length]) {
      const reader = new ReplyReader();
      const seen = [];
      let said: string | null = null;
      for (let at = 0; at < text.length; at += size) {
        const read = reader.read(Buffer.from(text.slice(at, at + size)));
        seen.push(...read.replies);
        said = read.problem;
      }
      expect(seen).toEqual(expected);
      expect(said).toBe(problem);
    }
  });

  it('reads random replies the same however they are cut, and never throws on noise', () => {
    const chance = seeded(4);
    for (let round = 0; round < 3000; round++) {
      const replies = Array.from({ length: 1 + below(chance, 4) }, () => ({
        code: 200 + below(chance, 400),
        lines: Array.from({ length: 1 + below(chance, 4) }, () => 'x -'.slice(below(chance, 4))),
      }));
      const text = replies
        .map(({ code, lines }) =>
          lines.map((line, n) => `${code}${n < lines.length - 1 ? '-' : ' '}${line}\r\n`).join(''),
        )
        .join('');
      const reader = new ReplyReader();
      const seen = pieces(Buffer.from(text), chance, 9).flatMap((piece) => [...reader.read(piece).replies]);
      expect(seen).toEqual(replies);
      const noise = Buffer.from(Array.from({ length: 40 }, () => below(chance, 256)));
      for (const piece of pieces(noise, chance, 9)) reader.read(piece);
    }
  });
});

describe('parameters', () => {
  it.each([
    ['', []],
    ['SIZE=10', [['SIZE', '10']]],
    [
      'size=10 SMTPUTF8',
      [
        ['SIZE', '10'],
        ['SMTPUTF8', ''],
      ],
    ],
    ['A=b=c', null],
    ['A=1 a=2', null],
    ['=1', null],
    ['A=', null],
    ['-A=1', null],
    ['A=\u00e9', null],
  ] as Array<[string, Array<[string, string]> | null]>)('%j', (text, expected) => {
    const parsed = parseParameters(text);
    expect(parsed && [...parsed]).toEqual(expected);
  });

  it('never throws, and what is accepted is made of what was sent', () => {
    const chance = seeded(5);
    const alphabet = [
      'MAIL FROM:',
      'RCPT TO:',
      '<',
      '>',
      '"',
      '\\',
      ' ',
      'a@b.example',
      '@',
      '.',
      'SIZE=',
      '1',
      'BODY=8BITMIME',
      'SMTPUTF8',
      'é',
      '\xff',
      ':',
    ];
    for (let round = 0; round < 20_000; round++) {
      const length = below(chance, 10);
      const words = Array.from({ length }, () => alphabet[below(chance, alphabet.length)]).join('');
      const start = chance() < 0.5 ? 'MAIL FROM:<' : 'RCPT TO:<';
      const line = Buffer.from(`${start}${words}`, chance() < 0.3 ? 'latin1' : 'utf8');
      const mail = parseMailCommand(line);
      if (mail.ok) {
        expect(line.toString()).toContain(mail.sender.text);
        expect(mail.sender.text).not.toMatch(/[\r\n]/);
      }
      const rcpt = parseRcptCommand(line, true);
      if (rcpt.ok) expect(line.toString()).toContain(rcpt.mailbox.text);
    }
  });
});

describe('small rules', () => {
  it('reads EHLO and offers the least of all next hops', () => {
    const one = capabilitiesOf(['hop.example', 'SIZE 1000', '8bitmime', 'DSN', 'STARTTLS']);
    expect(one).toEqual({ ...NO_CAPABILITIES, size: 1000, eightBitMime: true, dsn: true, startTls: true });
    const two = capabilitiesOf(['hop.example', 'SIZE', 'SMTPUTF8', 'PIPELINING', '8BITMIME']);
    expect(two.size).toBe(0);
    expect(offerFor([one, two, 'unknown'], 5000)).toEqual({
      size: 1000,
      eightBitMime: true,
      smtpUtf8: false,
      dsn: false,
    });
    expect(offerFor([two], 5000)).toEqual({ size: 5000, eightBitMime: true, smtpUtf8: true, dsn: false });
    expect(offerFor([one, 'unknown'], 5000).dsn).toBe(true);
    expect(offerFor([], 5000)).toEqual({ size: 5000, eightBitMime: true, smtpUtf8: true, dsn: false });
  });

  it('writes a MAIL line that the next hop understands', () => {
    const sender = {
      text: 'a@b.example',
      size: 10,
      body: '8BITMIME',
      smtpUtf8: false,
      ret: null,
      envid: null,
    } as const;
    expect(mailLine({ sender, extraSize: 5 }, NO_CAPABILITIES)).toBe('MAIL FROM:<a@b.example>');
    const able = { ...NO_CAPABILITIES, size: 0, eightBitMime: true };
    expect(mailLine({ sender, extraSize: 5 }, able)).toBe('MAIL FROM:<a@b.example> SIZE=15 BODY=8BITMIME');
  });

  it('writes a Received field that no client name can break', () => {
    const trace = {
      helo: 'evil)\r\nX-Bad: (ü',
      address: '2001:db8::1',
      hostname: 'gw.example',
      esmtp: true,
      tls: 'TLSv1.3' as string | null,
      smtpUtf8: false,
      id: 'abc.1',
      time: Date.UTC(2026, 6, 1, 12),
    };
    expect(receivedHeader(trace)).toBe(
      'Received: from evil???X-Bad:??? ([IPv6:2001:db8::1])\r\n' +
        '\tby gw.example with ESMTPS (TLSv1.3) id abc.1;\r\n' +
        '\tWed, 01 Jul 2026 12:00:00 +0000\r\n',
    );
    expect(receivedHeader({ ...trace, smtpUtf8: true })).toContain('with UTF8SMTPS (TLSv1.3) id');
    expect(receivedHeader({ ...trace, esmtp: false, tls: null })).toContain('with SMTP id');
  });
});
