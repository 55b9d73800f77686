/** Both door protocols at the level of bytes: what is asked, what is said, and that nothing breaks the readers. */
import { describe, expect, it } from 'vitest';
import { ACTION_OF, bareVerdict, type Reason } from '../../src/core/verdict.ts';
import type { Answer } from '../../src/lookup/answer.ts';
import { policyAction, policyDelegation, policyQuestion, policyReader } from '../../src/lookup/policy.ts';
import { readRequest, socketmap, socketmapReply } from '../../src/lookup/socketmap.ts';
import { replyFor, replyText } from '../../src/smtp/reply.ts';
import { seeded } from '../random.ts';

function answer(reason: Reason): Answer {
  const verdict = bareVerdict(reason);
  const reply = replyFor(verdict, '7F3K2Q');
  return { verdict, wording: { code: reply.code, enhanced: reply.enhanced ?? '', text: replyText(reply) } };
}

const reasons = Object.keys(ACTION_OF) as Reason[];

describe('socketmap', () => {
  it.each([
    ['recipients alice@contoso.example', 'alice@contoso.example'],
    ['recipients postmaster', 'postmaster'],
    ['recipients "a b"@contoso.example', '"a b"@contoso.example'],
    ['recipients ', ''],
    ['recipients', null],
    ['', null],
    ['recipients jörg@contoso.example', 'jörg@contoso.example'],
  ])('asks %j about %j', (request, key) => {
    expect(readRequest(Buffer.from(request))).toEqual({ key });
  });

  it.each(reasons)('answers %s by its action', (reason) => {
    const reply = socketmapReply(answer(reason));
    const form = { accept: /^OK [a-z-]+$/, reject: /^NOTFOUND $/, defer: /^TEMP [^<>@]+ \[ref 7F3K2Q\]$/ };
    expect(reply).toMatch(form[ACTION_OF[reason]]);
    expect(reply).not.toMatch(/PERM|TIMEOUT/);
  });

  it('finds nothing without a key', () => {
    const dialect = socketmap('socketmap-1');
    const { requests } = dialect.read(Buffer.from('10:recipients,'));
    expect(requests.map((request) => dialect.question(request))).toEqual([null]);
    expect(Buffer.from(dialect.reply(null)).toString()).toBe('9:NOTFOUND ,');
  });

  it('answers on the wire', () => {
    const dialect = socketmap('socketmap-1');
    const read = dialect.read(Buffer.from('32:recipients alice@contoso.example,'));
    expect(read.problem).toBeNull();
    expect(read.requests.map((request) => dialect.question(request)?.recipient)).toEqual([
      'alice@contoso.example',
    ]);
    expect(Buffer.from(dialect.reply(answer('known'))).toString()).toBe('8:OK known,');
  });
});

const REQUEST = [
  'request=smtpd_access_policy',
  'protocol_state=RCPT',
  'protocol_name=ESMTP',
  'client_address=192.0.2.9',
  'client_name=mail.sender.example',
  'helo_name=mail.sender.example',
  'sender=me@sender.example',
  'recipient=Alice@contoso.example',
  'recipient_count=0',
  'queue_id=',
  'instance=123.456.7',
  'size=0',
  'encryption_protocol=TLSv1.3',
];

function asked(lines: readonly string[]) {
  const { requests } = policyReader().push(Buffer.from(`${lines.join('\n')}\n\n`));
  const [request] = requests;
  return request === undefined ? undefined : policyQuestion(request);
}

function without(name: string, ...instead: string[]): string[] {
  return [...REQUEST.filter((line) => !line.startsWith(`${name}=`)), ...instead];
}

describe('policy delegation', () => {
  it('reads a request of Postfix', () => {
    expect(asked(REQUEST)).toEqual({
      recipient: 'Alice@contoso.example',
      client: '192.0.2.9',
      helo: 'mail.sender.example',
      mailFrom: 'me@sender.example',
      session: '123.456.7',
      tls: 'TLSv1.3',
    });
  });

  it.each([
    ['another stage', without('protocol_state', 'protocol_state=DATA'), null],
    ['no stage', without('protocol_state'), null],
    ['another request', without('request', 'request=junk'), null],
    ['no recipient', without('recipient', 'recipient='), null],
    ['the null sender', without('sender', 'sender='), ''],
  ])('%s', (_name, lines, mailFrom) => {
    const question = asked(lines);
    expect(question === null || question === undefined ? null : question.mailFrom).toBe(mailFrom);
  });

  it('lets the first of a repeated attribute count', () => {
    expect(asked([...REQUEST, 'recipient=other@contoso.example'])?.recipient).toBe('Alice@contoso.example');
  });

  it.each(reasons)('answers %s by its action', (reason) => {
    const forms = {
      accept: /^DUNNO$/,
      reject: /^REJECT 5\.\d\.\d [^<>@]+$/,
      defer: /^DEFER_IF_PERMIT 4\.\d\.\d [^<>@]+ \[ref 7F3K2Q\]$/,
    };
    const form = reason === 'not-our-domain' ? /^DUNNO$/ : forms[ACTION_OF[reason]];
    expect(policyAction(answer(reason))).toMatch(form);
  });

  it('names code and reference of an unknown recipient', () => {
    expect(policyAction(answer('unknown'))).toBe('REJECT 5.1.1 No such recipient here [ref 7F3K2Q]');
    expect(Buffer.from(policyDelegation().reply(null)).toString()).toBe('action=DUNNO\n\n');
  });

  it('reads several requests in pieces of any size', () => {
    const wire = Buffer.from(`${REQUEST.join('\n')}\n\n`.repeat(5));
    for (const size of [1, 2, 3, 17, 128, 4096]) {
      const reader = policyReader();
      let count = 0;
      for (let at = 0; at < wire.length; at += size) {
        const { requests, problem } = reader.push(wire.subarray(at, at + size));
        expect(problem).toBeNull();
        count += requests.filter((request) => policyQuestion(request)?.client === '192.0.2.9').length;
      }
      expect(count).toBe(5);
    }
  });

  it.each([
    ['no name', '=value\n\n', 'a line is not name=value'],
    ['no value', 'EHLO client.example\r\n', 'a line is not name=value'],
    ['a line without end', 'a'.repeat(70_000), 'a request is longer than 65536 bytes'],
    ['attributes without end', 'a=b\n'.repeat(20_000), 'a request is longer than 65536 bytes'],
  ])('refuses %s', (_name, wire, problem) => {
    expect(policyReader().push(Buffer.from(wire)).problem).toBe(problem);
  });

  it('takes empty lines between requests for nothing', () => {
    expect(policyReader().push(Buffer.from('\n\n\n'))).toEqual({ requests: [], problem: null });
  });

  it('survives anything (seeded)', () => {
    const random = seeded(8);
    const words = [
      'request',
      '=',
      '\n',
      'smtpd_access_policy',
      'recipient',
      '\0',
      '\r',
      'é',
      'protocol_state=RCPT\n',
    ];
    for (let round = 0; round < 2000; round++) {
      const reader = policyReader(200);
      for (let piece = 0; piece < 8; piece++) {
        const input = Array.from({ length: random.below(10) }, () => random.pick(words)).join('');
        for (const request of reader.push(Buffer.from(input)).requests) policyQuestion(request);
      }
    }
    expect(random.next()).toBeLessThan(1);
  });
});
