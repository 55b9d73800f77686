/** The line of a recipient is worded by hand, and must be what pino would have written. */
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { RecipientEvent } from '../../src/ops/events.ts';
import { writeRecipient } from '../../src/ops/recipient-line.ts';
import { seeded } from '../random.ts';

const ANSWER: RecipientEvent = {
  verdict: {
    action: 'reject',
    reason: 'unknown',
    domain: 'contoso.example',
    tenant: 't',
    nextHop: 'hop:25',
    directoryAge: 1499,
  },
  reply: { code: 550, enhanced: '5.1.1', text: 'No such recipient here' },
  ref: '7F3K2Q',
  mode: 'verify',
  session: 's',
  client: { address: '192.0.2.1' },
  peer: null,
  tls: 'TLSv1.3',
  nextHopReply: null,
  durationMs: 0.0123456,
  helo: 'client.example',
  mailFrom: '',
  rcpt: 'x@contoso.example',
};

function line(answer: RecipientEvent, level: 'debug' | 'info' | 'warn' = 'warn'): string {
  let written = '';
  const logger = pino(
    {
      level: 'debug',
      base: null,
      timestamp: () => ',"time":"T"',
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(text) {
        written += text;
      },
    },
  );
  writeRecipient(logger, level, 'rcpt.reject', answer);
  return written;
}

describe('the line', () => {
  it('has its fields in the order of the README', () => {
    expect(line(ANSWER)).toBe(
      '{"level":"warn","time":"T","event":"rcpt.reject","ref":"7F3K2Q","verdict":"reject","reason":"unknown","code":550,' +
        '"client":"192.0.2.1","real_client":"192.0.2.1","tls":"TLSv1.3","domain":"contoso.example","tenant":"t","directory_age":1,' +
        '"source":"verify","session":"s","ms":0.012,"helo":"client.example","mail_from":"","rcpt":"x@contoso.example"}\n',
    );
  });

  it.each<[string, Partial<RecipientEvent>]>([
    ['session', { session: 't' }],
    ['source', { mode: 'relay' }],
    ['verdict', { verdict: { ...ANSWER.verdict, action: 'defer' } }],
    ['reason', { verdict: { ...ANSWER.verdict, reason: 'other' } }],
    ['domain', { verdict: { ...ANSWER.verdict, domain: 'b.example' } }],
    ['tenant', { verdict: { ...ANSWER.verdict, tenant: null } }],
    ['directory_age', { verdict: { ...ANSWER.verdict, directoryAge: 2500 } }],
    ['code', { reply: { code: 451, enhanced: '4.4.3', text: 'later' } }],
    ['real_client', { client: { address: '192.0.2.2' } }],
    ['client', { peer: '10.0.0.2' }],
    ['tls', { tls: null }],
    ['tls_client', { tlsClient: 'b sha256:c' }],
    ['helo', { helo: null }],
    ['mail_from', { mailFrom: 'a@b.example' }],
    ['rcpt', { rcpt: 'y@contoso.example' }],
  ])('forgets nothing of the line before when only its %s is another', (field, change) => {
    const before = JSON.parse(line(ANSWER));
    const after = JSON.parse(line({ ...ANSWER, ...change }));
    expect(after[field]).not.toEqual(before[field]);
    expect(JSON.parse(line(ANSWER))).toEqual(before);
  });

  it('shows the proxy as client, the certificate, and what the next hop said', () => {
    const answer = {
      ...ANSWER,
      peer: '10.0.0.1',
      tlsClient: 'a sha256:b',
      nextHopReply: '550 no',
      ref: null,
      tls: null,
    };
    expect(JSON.parse(line(answer, 'info'))).toMatchObject({
      level: 'info',
      client: '10.0.0.1',
      real_client: '192.0.2.1',
      tls_client: 'a sha256:b',
      next_hop: 'hop:25',
      next_hop_reply: '550 no',
      ref: null,
      tls: null,
    });
  });

  it('is one line of JSON whatever a client says', () => {
    const random = seeded(7);
    for (let round = 0; round < 3000; round += 1) {
      const codes = Array.from({ length: random.below(20) }, () =>
        random.below(random.below(2) ? 0x80 : 0xffff),
      );
      const said = String.fromCharCode(...codes);
      const text = line({
        ...ANSWER,
        helo: said,
        mailFrom: `"${said}`,
        rcpt: `${said}","event":"rcpt.accept`,
      });
      expect(text.indexOf('\n')).toBe(text.length - 1);
      const fields = JSON.parse(text);
      expect(fields).toMatchObject({ event: 'rcpt.reject', client: '192.0.2.1' });
      expect([fields.helo, fields.mail_from, fields.rcpt]).toEqual([
        said,
        `"${said}`,
        `${said}","event":"rcpt.accept`,
      ]);
    }
  });
});
