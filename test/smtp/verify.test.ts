/** Dialogs with a listener that only answers checks: verdicts, syntax, limits, and the gaps of the package closed. */
import { describe, expect, it } from 'vitest';
import { bareVerdict, type Reason } from '../../src/core/verdict.ts';
import { guardedEvents } from '../../src/smtp/events.ts';
import { openListener } from '../../src/smtp/listener.ts';
import { OPTIONS, openGateway, Recorder } from './gateway.ts';

describe('each verdict', () => {
  const rows: Array<[Reason, string]> = [
    ['known', '250 2.1.5 Recipient OK'],
    ['unknown', '550 5.1.1 No such recipient here [ref 7F3K2Q]'],
    ['override-deny', '550 5.1.1 No such recipient here [ref 7F3K2Q]'],
    ['directory-stale', '451 4.4.3 Recipient cannot be verified at the moment, try again later [ref 7F3K2Q]'],
    ['directory-empty', '451 4.4.3 Recipient cannot be verified at the moment, try again later [ref 7F3K2Q]'],
    ['not-our-domain', '554 5.7.1 Relay access denied [ref 7F3K2Q]'],
    ['internal-error', '451 4.3.0 Internal error, try again later [ref 7F3K2Q]'],
  ];
  it.each(rows)('%s: %s', async (reason, reply) => {
    const gateway = await openGateway({}, { check: ({ key }) => bareVerdict(reason, key) });
    const client = await gateway.greeted();
    await client.ask('MAIL FROM:<s@x.example>');
    expect(await client.ask('RCPT TO:<a@contoso.example>')).toBe(reply);
    expect(gateway.events.recipients).toMatchObject([
      {
        verdict: { reason },
        rcpt: 'a@contoso.example',
        mailFrom: 's@x.example',
        helo: 'client.example',
        mode: 'verify',
      },
    ]);
  });

  it('an error of the check is a 451', async () => {
    const gateway = await openGateway();
    const client = await gateway.greeted();
    await client.ask('MAIL FROM:<>');
    expect(await client.ask('RCPT TO:<crash@x.example>')).toMatch(/^451 4\.3\.0 .*\[ref 7F3K2Q\]$/);
    expect(gateway.events.troubles).toMatchObject([{ stage: 'check' }]);
    expect(await client.ask('RCPT TO:<known@x.example>')).toMatch(/^250 2\.1\.5/);
  });

  it('an error of the log changes no answer', async () => {
    const guarded = guardedEvents(
      new Proxy(new Recorder(), {
        get: () => () => {
          throw new Error('disk full');
        },
      }),
    );
    const gateway = await openGateway({}, { events: guarded });
    const client = await gateway.greeted();
    await client.ask('MAIL FROM:<>');
    expect(await client.ask('RCPT TO:<known@x.example>')).toMatch(/^250/);
  });
});

describe('addresses and parameters', () => {
  const rows: Array<[command: string, reply: RegExp]> = [
    ['MAIL FROM:<>', /^250 2\.1\.0/],
    ['MAIL FROM: <a@b.example>', /^250 2\.1\.0/],
    ['mail from:<a@b.example> size=100 body=8bitmime', /^250/],
    ['MAIL FROM:<a@b.example> SMTPUTF8', /^250/],
    [`MAIL FROM:<${'long'.repeat(20)}@b.example>`, /^250/],
    ['MAIL FROM:<@relay.example:a@b.example>', /^250/],
    ['MAIL FROM:<a@b.example> FOO=1', /^555 5\.5\.4/],
    ['MAIL FROM:<a@b.example> HOLDFOR=10', /^555 5\.5\.4/],
    ['MAIL FROM:<a@b.example> RET=FULL', /^555 5\.5\.4/],
    ['MAIL FROM:<a@b.example> SIZE=1 SIZE=2', /^501 5\.5\.4/],
    ['MAIL FROM:<a@b.example> SIZE=many', /^501 5\.5\.4/],
    ['MAIL FROM:<a@b.example> BODY=BINARYMIME', /^501 5\.5\.4/],
    ['MAIL FROM:<a@b.example> SIZE=60000000', /^552 5\.3\.4/],
    ['MAIL FROM:<a@b.example>SIZE=1', /^501 5\.1\.7/],
    ['MAIL FROM:a@b.example', /^501 5\.1\.7/],
    ['MAIL FROM:<jürgen@b.example>', /^553 5\.6\.7/],
    ['MAIL FROM:<jürgen@b.example> SMTPUTF8', /^250/],
  ];
  it.each(rows)('%s', async (command, reply) => {
    const client = await (await openGateway()).greeted();
    expect(await client.ask(command)).toMatch(reply);
  });

  const recipients: Array<[path: string, reply: RegExp, key?: string]> = [
    ['<known@b.example>', /^250/, 'known@b.example'],
    ['<KNOWN@B.Example>', /^550/, 'known@b.example'],
    ['<"known one"@b.example>', /^250/, 'known one@b.example'],
    ['<"known@home"@b.example>', /^250/, 'known@home@b.example'],
    ['<"known>x"@b.example>', /^250/, 'known>x@b.example'],
    ['<@a.example,@b.example:known@c.example>', /^250/, 'known@c.example'],
    ['<postmaster>', /^250/, 'postmaster'],
    ['<Postmaster>', /^250/, 'postmaster'],
    ['<known@xn--contosoexample-r62m>', /^250/, 'known@xn--contosoexample-r62m'],
    ['<abuse>', /^501 5\.1\.3/],
    ['<>', /^501 5\.1\.3/],
    ['<known..x@b.example>', /^501 5\.1\.3/],
    ['<known(c)@b.example>', /^501 5\.1\.3/],
    ['<known@-b.example>', /^501 5\.1\.3/],
    ['known@b.example', /^501 5\.1\.3/],
    [`<${'k'.repeat(65)}@b.example>`, /^501 5\.1\.3/],
    [
      `<known@${'b'.repeat(60)}.${'b'.repeat(60)}.${'b'.repeat(60)}.${'b'.repeat(60)}.example>`,
      /^501 5\.1\.3/,
    ],
    ['<known@b.example> NOTIFY=NEVER', /^555 5\.5\.4/],
    ['<known@b.example> ORCPT=rfc822;x', /^555 5\.5\.4/],
    ['<known@bücher.example>', /^553 5\.6\.7/],
  ];
  it.each(recipients)('RCPT TO:%s', async (path, reply, key) => {
    const gateway = await openGateway();
    const client = await gateway.greeted();
    await client.ask('MAIL FROM:<>');
    expect(await client.ask(`RCPT TO:${path}`)).toMatch(reply);
    expect(gateway.events.recipients).toHaveLength(1);
    if (key !== undefined) expect(gateway.events.recipients[0]?.verdict.key).toBe(key);
  });

  it('takes an internationalised recipient with SMTPUTF8, as its A-label', async () => {
    const gateway = await openGateway();
    const client = await gateway.greeted();
    await client.ask('MAIL FROM:<> SMTPUTF8');
    expect(await client.ask('RCPT TO:<known@bücher.example>')).toMatch(/^250/);
    expect(gateway.events.recipients[0]?.verdict.key).toBe('known@xn--bcher-kva.example');
  });

  it('refuses invalid UTF-8 instead of replacing it', async () => {
    const client = await (await openGateway()).greeted();
    expect(await client.ask(Buffer.from('MAIL FROM:<a\xff@b.example> SMTPUTF8', 'latin1'))).toMatch(
      /^501 5\.5\.4/,
    );
    await client.ask('MAIL FROM:<> SMTPUTF8');
    expect(await client.ask(Buffer.from('RCPT TO:<known\xff@b.example>', 'latin1'))).toMatch(/^501 5\.1\.3/);
  });

  it('forgets the parameters of a refused MAIL', async () => {
    const client = await (await openGateway()).greeted();
    expect(await client.ask('MAIL FROM:<bad address> SMTPUTF8')).toMatch(/^501/);
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^250/);
    expect(await client.ask('RCPT TO:<known@bücher.example>')).toMatch(/^553 5\.6\.7/);
  });
});

describe('commands', () => {
  it('offers what it keeps, and STARTTLS only with a certificate', async () => {
    const client = await (await openGateway()).dialog();
    expect((await client.ask('EHLO client.example')).split('\n')).toEqual([
      '250-gw.example',
      '250-PIPELINING',
      '250-SIZE 50000000',
      '250-ENHANCEDSTATUSCODES',
      '250-8BITMIME',
      '250 SMTPUTF8',
    ]);
    expect(client.transcript).toMatch(/^220 gw\.example ESMTP\r\n/);
    expect(await client.ask('STARTTLS')).toMatch(/^502 5\.5\.1/);
  });

  const rows: Array<[command: string, reply: RegExp]> = [
    ['VRFY a@b.example', /^252 2\./],
    ['VRFY', /^501 5\.5\.4/],
    ['EXPN list', /^502 5\.5\.1/],
    ['HELP', /^214 2\./],
    ['NOOP anything', /^250 2\.0\.0/],
    ['RSET', /^250 2\.0\.0/],
    ['RSET now', /^501 5\.5\.4/],
    ['AUTH PLAIN AGEAYg==', /^502 5\.5\.1/],
    ['BDAT 10', /^502 5\.5\.1/],
    ['WIZ hat', /^500 5\.5\.1/],
    ['SHELL', /^500 5\.5\.1/],
    ['KILL', /^500 5\.5\.1/],
    ['constructor', /^500 5\.5\.1/],
    ['', /^500 5\.5\.1/],
    ['DATA', /^503 5\.5\.1/],
    ['RCPT TO:<known@b.example>', /^503 5\.5\.1/],
    ['EHLO two words', /^501 5\.5\.4/],
    ['EHLO', /^501 5\.5\.4/],
    ['QUIT', /^221 2\.0\.0/],
    [`NOOP ${'x'.repeat(1000)}`, /^500 5\.5\.2/],
    ['NOOP a\rb', /^500 5\.5\.2/],
    ['NOOP a\0b', /^500 5\.5\.2/],
    ['RCPT TO:<known@b.example>\rRSET', /^500 5\.5\.2/],
    ['GET / HTTP/1.1', /^421 4\.7\.0/],
  ];
  it.each(rows)('%j', async (command, reply) => {
    const client = await (await openGateway()).greeted();
    expect(await client.ask(command)).toMatch(reply);
  });

  it('wants a greeting first and no second MAIL', async () => {
    const client = await (await openGateway()).dialog();
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^503 5\.5\.1/);
    await client.ask('HELO client.example');
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^250/);
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^503 5\.5\.1/);
  });

  it('does not take a bare LF for a line end', async () => {
    const client = await (await openGateway()).greeted();
    client.send('MAIL FROM:<a@b.example>\nNOOP\r\n');
    expect(await client.reply()).toMatch(/^500 5\.5\.2/);
    expect(await client.ask('RCPT TO:<known@b.example>')).toMatch(/^503/);
  });

  it('does not execute an unterminated last line', async () => {
    const gateway = await openGateway();
    const client = await gateway.greeted();
    await client.ask('MAIL FROM:<>');
    client.send('RCPT TO:<known@b.example>');
    client.finish();
    await client.rest();
    expect(gateway.events.recipients).toHaveLength(0);
  });

  it('never bounces a message that was sent to a verify listener', async () => {
    const client = await (await openGateway()).greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known@b.example>');
    expect(await client.ask('DATA')).toMatch(/^451 4\.3\.5 .*\[ref/);
    expect(await client.ask('RSET')).toMatch(/^250/);
  });

  it('answers DATA without recipients by whether any may still be accepted', async () => {
    const deferring = await openGateway({}, { check: ({ key }) => bareVerdict('directory-stale', key) });
    const one = await deferring.greeted();
    await one.askAll('MAIL FROM:<>', 'RCPT TO:<a@b.example>');
    expect(await one.ask('DATA')).toMatch(/^451 4\.5\.1/);
    const two = await (await openGateway()).greeted();
    await two.askAll('MAIL FROM:<>', 'RCPT TO:<nobody@b.example>');
    expect(await two.ask('DATA')).toMatch(/^554 5\.5\.1/);
  });

  it('takes many probes on one connection', async () => {
    const gateway = await openGateway();
    const client = await gateway.greeted();
    for (let probe = 0; probe < 50; probe++) {
      const name = probe % 2 ? 'known' : 'nobody';
      const [, rcpt] = await client.askAll('MAIL FROM:<>', `RCPT TO:<${name}@b.example>`, 'RSET');
      expect(rcpt).toMatch(probe % 2 ? /^250/ : /^550/);
    }
    expect(await client.ask('QUIT')).toMatch(/^221/);
    expect(await client.rest()).toBe('');
    expect(gateway.events.recipients).toHaveLength(50);
  });
});

describe('pipelining', () => {
  it('answers a batch in order and in one write', async () => {
    const gateway = await openGateway();
    const client = await gateway.greeted();
    const batch = Array.from(
      { length: 300 },
      (_, n) => `RCPT TO:<${n % 3 ? 'known' : 'nobody'}${n}@b.example>\r\n`,
    );
    client.send(`MAIL FROM:<>\r\n${batch.join('')}RSET\r\n`);
    expect(await client.reply()).toMatch(/^250 2\.1\.0/);
    for (let n = 0; n < 300; n++) {
      const expected = n % 3 === 0 ? /^550/ : n < 150 ? /^250/ : /^(?:250|452)/;
      expect(await client.reply()).toMatch(expected);
    }
    expect(await client.reply()).toMatch(/^250 2\.0\.0/);
    expect(client.chunks).toBeLessThan(10);
  });

  it('drops what follows QUIT', async () => {
    const gateway = await openGateway();
    const client = await gateway.greeted();
    client.send('MAIL FROM:<>\r\nQUIT\r\nRCPT TO:<known@b.example>\r\n');
    await client.reply();
    expect(await client.reply()).toMatch(/^221/);
    expect(await client.rest()).toBe('');
    expect(gateway.events.recipients).toHaveLength(0);
  });

  it('reads a batch however it is cut', async () => {
    const client = await (await openGateway()).greeted();
    for (const byte of 'MAIL FROM:<>\r\nRCPT TO:<known@b.example>\r\nRSET\r\n') client.send(byte);
    expect(await client.reply()).toMatch(/^250 2\.1\.0/);
    expect(await client.reply()).toMatch(/^250 2\.1\.5/);
    expect(await client.reply()).toMatch(/^250 2\.0\.0/);
  });
});

describe('limits', () => {
  it('defers recipients beyond the limit', async () => {
    const gateway = await openGateway({ maxRecipients: 2 });
    const client = await gateway.greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'RCPT TO:<nobody@b.example>');
    expect(await client.ask('RCPT TO:<known2@b.example>')).toMatch(/^250/);
    expect(await client.ask('RCPT TO:<known3@b.example>')).toBe('452 4.5.3 Too many recipients [ref 7F3K2Q]');
  });

  it('ends a session of protocol errors', async () => {
    const client = await (await openGateway()).greeted();
    for (let n = 0; n < 20; n++) expect(await client.ask('WHAT')).toMatch(/^500/);
    expect(await client.ask('WHAT')).toMatch(/^421 4\.7\.0/);
    expect(await client.rest()).toBe('');
  });

  it('does not count refused recipients as errors', async () => {
    const client = await (await openGateway()).greeted();
    await client.ask('MAIL FROM:<>');
    for (let n = 0; n < 40; n++) expect(await client.ask('RCPT TO:<nobody@b.example>')).toMatch(/^550/);
  });

  it('gives up on a line that never ends', async () => {
    const client = await (await openGateway()).greeted();
    client.send('x'.repeat(70_000));
    expect(await client.reply()).toMatch(/^421 4\.7\.0/);
  });

  it('turns away connections beyond the limit', async () => {
    const gateway = await openGateway({ maxConnections: 1 });
    await gateway.dialog();
    const second = await gateway.dialog(false);
    expect(await second.reply()).toMatch(/^421 4\.3\.2/);
    expect(gateway.events.refusals).toMatchObject([{ reply: { code: 421 }, command: null, ref: '7F3K2Q' }]);
  });

  it('greets at once, or turns away who talks before the greeting', async () => {
    const gateway = await openGateway({ greetingDelay: 200 });
    const early = await gateway.dialog(false);
    early.send('EHLO spam\r\n');
    expect(await early.reply()).toMatch(/^421 4\.7\.0/);
    const patient = await gateway.dialog(false);
    expect(await patient.reply()).toMatch(/^220/);
  });

  it('gives a command its time as a whole, however often a byte arrives', async () => {
    const gateway = await openGateway({ commandTimeout: 150 });
    const client = await gateway.greeted();
    const drip = setInterval(() => client.send('N'), 20);
    expect(await client.reply()).toMatch(/^421 4\.4\.2/);
    clearInterval(drip);
  });

  it('ends a session that lasts too long although it is busy', async () => {
    const gateway = await openGateway({ sessionTimeout: 150 });
    const client = await gateway.greeted();
    let last = '';
    while (!last.startsWith('421')) last = await client.ask('NOOP');
    expect(last).toMatch(/^421 4\.4\.2/);
  });
});

describe('the listener', () => {
  it('says where it listens and how many are connected', async () => {
    const gateway = await openGateway();
    expect(gateway.listener.address()).toEqual({ host: '127.0.0.1', port: gateway.port });
    await gateway.greeted();
    expect(gateway.listener.connections()).toBe(1);
  });

  it('refuses an address in use and relay mode without a relay', async () => {
    const gateway = await openGateway();
    const edge = { check: () => bareVerdict('known'), relay: null, nextHops: () => [], reference: () => 'x' };
    const events = new Recorder();
    await expect(openListener({ ...OPTIONS, port: gateway.port }, { ...edge, events })).rejects.toThrow(
      'EADDRINUSE',
    );
    await expect(openListener({ ...OPTIONS, mode: 'relay' }, { ...edge, events })).rejects.toThrow(
      'needs a relay',
    );
  });

  it('tells idle sessions to go and lets an open transaction end', async () => {
    const gateway = await openGateway();
    const idle = await gateway.greeted();
    const busy = await gateway.greeted();
    await busy.ask('MAIL FROM:<>');
    const closed = gateway.listener.close(5000);
    expect(await idle.reply()).toMatch(/^421 4\.3\.2/);
    expect(await busy.ask('RCPT TO:<known@b.example>')).toMatch(/^250/);
    expect(await busy.ask('RSET')).toMatch(/^250/);
    expect(await busy.ask('MAIL FROM:<>')).toMatch(/^421 4\.3\.2/);
    idle.close();
    busy.close();
    await closed;
    expect(gateway.listener.connections()).toBe(0);
  });

  it('cuts what is left after the grace', async () => {
    const gateway = await openGateway();
    const busy = await gateway.greeted();
    await busy.ask('MAIL FROM:<>');
    const closed = gateway.listener.close(50);
    expect(await busy.reply()).toMatch(/^421 4\.3\.2/);
    await closed;
  });

  it('survives clients that reset at every moment', async () => {
    const gateway = await openGateway();
    for (const bytes of ['', 'EHLO x\r\n', 'EHLO x\r\nMAIL FROM:<>\r\n', 'garbage\x16\x03\x01\r\n']) {
      const client = await gateway.dialog(false);
      client.send(bytes);
      client.vanish();
    }
    const client = await gateway.greeted();
    expect(await client.ask('NOOP')).toMatch(/^250/);
  });
});
