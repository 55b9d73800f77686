/** What DSN and XCLIENT put into a command: tables of RFC 3461 and of Postfix's README, and noise. */
import { describe, expect, it } from 'vitest';
import { parseMailCommand, parseParameters, parseRcptCommand } from '../../src/smtp/command.ts';
import { recipientDsn, recipientDsnText, senderDsn, senderDsnText } from '../../src/smtp/dsn.ts';
import { parseXclient } from '../../src/smtp/xclient.ts';
import { decodeXtext } from '../../src/smtp/xtext.ts';
import { below, seeded } from './seeded.ts';

describe('xtext', () => {
  it.each([
    ['', ''],
    ['plain', 'plain'],
    ['a+2Bb+3Dc', 'a+b=c'],
    ['+C3+BC', 'ü'],
    ['a+2bb', null],
    ['a+', null],
    ['a+2', null],
    ['a+ZZ', null],
    ['a=b', null],
    ['a b', null],
    ['ü', null],
    ['+0D+0A', null],
    ['+00', null],
    ['+7F', null],
    ['+FF', null],
    ['+C2+85', null],
  ])('%j is %j', (value, text) => {
    expect(decodeXtext(value)).toBe(text);
  });
});

describe('DSN of MAIL', () => {
  it.each([
    ['RET=FULL', ' RET=FULL'],
    ['ret=hdrs', ' RET=HDRS'],
    ['ENVID=QQ314159', ' ENVID=QQ314159'],
    ['RET=HDRS ENVID=a+2Bb+3D', ' RET=HDRS ENVID=a+2Bb+3D'],
    [`ENVID=${'x'.repeat(100)}`, ` ENVID=${'x'.repeat(100)}`],
    ['SIZE=1', ''],
    ['RET', null],
    ['RET=BODY', null],
    ['ENVID', null],
    [`ENVID=${'x'.repeat(101)}`, null],
    ['ENVID=a+0D+0Ab', null],
    ['ENVID=a+C3+BC', null],
    ['ENVID=a+2', null],
  ])('%s', (text, passed) => {
    const read = senderDsn(parseParameters(text) ?? new Map());
    expect(read && senderDsnText(read)).toBe(passed);
  });
});

describe('DSN of RCPT', () => {
  it.each([
    ['NOTIFY=NEVER', ' NOTIFY=NEVER'],
    ['notify=success,Failure', ' NOTIFY=SUCCESS,FAILURE'],
    ['NOTIFY=DELAY,DELAY', ' NOTIFY=DELAY'],
    ['ORCPT=rfc822;a+2Bb@x.example', ' ORCPT=rfc822;a+2Bb@x.example'],
    ['NOTIFY=FAILURE ORCPT=utf-8;\\x{E9}t@x.example', ' NOTIFY=FAILURE ORCPT=utf-8;\\x{E9}t@x.example'],
    ['', ''],
    ['NOTIFY', null],
    ['NOTIFY=NEVER,SUCCESS', null],
    ['NOTIFY=NEVER,NEVER', null],
    ['NOTIFY=SUCCESS,', null],
    ['NOTIFY=ALWAYS', null],
    ['ORCPT', null],
    ['ORCPT=a@x.example', null],
    ['ORCPT=rfc822;', null],
    ['ORCPT=;a@x.example', null],
    ['ORCPT=rfc822;a+b@x.example', null],
    ['ORCPT=rfc822;a+0Ab@x.example', null],
    [`ORCPT=rfc822;${'a'.repeat(500)}`, null],
  ])('%s', (text, passed) => {
    const read = recipientDsn(parseParameters(text) ?? new Map());
    expect(read && recipientDsnText(read)).toBe(passed);
  });
});

describe('parameters of DSN in commands', () => {
  it.each([
    ['MAIL FROM:<a@x.example> RET=HDRS ENVID=1', true, 'HDRS 1'],
    ['MAIL FROM:<a@x.example> RET=HDRS ENVID=1', false, 555],
    ['MAIL FROM:<a@x.example> RET=ALL', true, 501],
    ['MAIL FROM:<a@x.example> NOTIFY=NEVER', true, 555],
    ['RCPT TO:<a@x.example> NOTIFY=NEVER ORCPT=rfc822;b@x.example', true, 'NEVER rfc822;b@x.example'],
    ['RCPT TO:<a@x.example> NOTIFY=NEVER', false, 555],
    ['RCPT TO:<a@x.example> NOTIFY=MAYBE', true, 501],
    ['RCPT TO:<a@x.example> NOTIFY=NEVER NOTIFY=NEVER', true, 501],
    ['RCPT TO:<a@x.example> RET=FULL', true, 555],
    ['RCPT TO:<a@x.example> FOO=1', true, 555],
  ])('%s, offered: %s', (text, offered, expected) => {
    const line = Buffer.from(text);
    if (text.startsWith('MAIL')) {
      const mail = parseMailCommand(line, offered);
      expect(mail.ok ? `${mail.sender.ret} ${mail.sender.envid}` : mail.reply.code).toBe(expected);
    } else {
      const rcpt = parseRcptCommand(line, false, offered);
      expect(rcpt.ok ? `${rcpt.dsn.notify} ${rcpt.dsn.orcpt}` : rcpt.reply.code).toBe(expected);
    }
  });

  it('never throw, and what is passed on is one word each of printable ASCII', () => {
    const chance = seeded(31);
    const words = [
      'RET=',
      'ENVID=',
      'NOTIFY=',
      'ORCPT=',
      'rfc822;',
      'NEVER',
      'SUCCESS',
      ',',
      '+',
      '2B',
      '=',
      ' ',
      'FULL',
      'x',
      '\xff',
      '\\',
    ];
    let passed = 0;
    for (let round = 0; round < 30_000; round += 1) {
      const text = Array.from(
        { length: 1 + below(chance, 8) },
        () => words[below(chance, words.length)],
      ).join('');
      const mail = parseMailCommand(Buffer.from(`MAIL FROM:<a@x.example> ${text}`, 'latin1'), true);
      const rcpt = parseRcptCommand(Buffer.from(`RCPT TO:<a@x.example> ${text}`, 'latin1'), false, true);
      const said = [mail.ok ? senderDsnText(mail.sender) : '', rcpt.ok ? recipientDsnText(rcpt.dsn) : ''];
      for (const line of said) expect(line).toMatch(/^(?: [!-~]+=[!-~]+)*$/);
      passed += Number(said.join('') !== '');
    }
    expect(passed).toBeGreaterThan(100);
  });
});

describe('XCLIENT', () => {
  it.each([
    ['ADDR=192.0.2.7', { address: '192.0.2.7' }],
    ['addr=192.0.2.7 name=mx.client.example', { address: '192.0.2.7', name: 'mx.client.example' }],
    ['ADDR=IPV6:2001:DB8::7 PORT=56324', { address: '2001:db8::7', port: 56_324 }],
    ['ADDR=2001:db8::7', { address: '2001:db8::7' }],
    ['ADDR=::ffff:192.0.2.7', { address: '192.0.2.7' }],
    ['HELO=client.example PROTO=SMTP', { helo: 'client.example', esmtp: false }],
    ['PROTO=esmtp', { esmtp: true }],
    ['NAME=[UNAVAILABLE] ADDR=[unavailable] HELO=[TEMPUNAVAIL]', { name: null, address: null, helo: null }],
    ['LOGIN=bob DESTADDR=10.0.0.1 DESTPORT=25', {}],
    ['HELO=a+2Bb', { helo: 'a+b' }],
    ['', null],
    ['ADDR', null],
    ['ADDR=', null],
    ['ADDR=192.0.2.300', null],
    ['ADDR=IPV6:nonsense', null],
    ['ADDR=fe80::1%eth0', null],
    ['ADDR=192.0.2.7 ADDR=192.0.2.8', null],
    ['NAME=two+20words', null],
    ['NAME=ab+0D+0Acd', null],
    [`NAME=${'a'.repeat(64)}.example`, null],
    ['PORT=65536', null],
    ['PORT=x', null],
    ['PROTO=LMTP', null],
    ['SOURCE=LOCAL', null],
    ['HELO=two+20words', null],
  ])('%j', (argument, expected) => {
    expect(parseXclient(argument)).toEqual(expected);
  });

  it('never throws on noise', () => {
    const chance = seeded(32);
    const words = [
      'ADDR=',
      'NAME=',
      'PORT=',
      'HELO=',
      'PROTO=',
      'LOGIN=',
      '1',
      '.',
      ':',
      'a',
      '+0A',
      '+',
      '[UNAVAILABLE]',
      ' ',
      'ESMTP',
    ];
    for (let round = 0; round < 20_000; round += 1) {
      const text = Array.from({ length: below(chance, 9) }, () => words[below(chance, words.length)]).join(
        '',
      );
      const claimed = parseXclient(text);
      if (claimed?.helo) expect(claimed.helo).toMatch(/^[!-~]+$/);
    }
  });
});
