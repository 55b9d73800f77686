/** Dialogs through the gateway to a next hop: what each side sees when all is well, and when it is not. */
import { describe, expect, it } from 'vitest';
import type { Dialog } from './dialog.ts';
import { openRelaying } from './gateway.ts';
import { type Act, type Script, ScriptedHop } from './scripted-hop.ts';
import { below, seeded } from './seeded.ts';

const BODY = 'Subject: x\r\n\r\nhello\r\n';

async function sendMessage(client: Dialog, body = BODY, ...recipients: string[]): Promise<string[]> {
  const names = recipients.length > 0 ? recipients : ['known1'];
  const replies = await client.askAll(
    'MAIL FROM:<s@x.example>',
    ...names.map((name) => `RCPT TO:<${name}@b.example>`),
  );
  const go = await client.ask('DATA');
  replies.push(go);
  if (go.startsWith('354')) replies.push(await client.ask(`${body}.`));
  return replies;
}

describe('a message on its way', () => {
  it('is passed on, and the answers are those of the next hop', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    expect(await sendMessage(client)).toEqual([
      '250 2.1.0 Sender OK',
      '250 2.1.5 recipient fine',
      '354 End data with <CR><LF>.<CR><LF>',
      '250 2.6.0 queued as 42',
    ]);
    const [message] = hop.delivered;
    expect(message?.to).toEqual(['known1@b.example']);
    const text = message?.wire.toString() ?? '';
    expect(text).toMatch(
      /^Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby gw\.example with ESMTP id \S+\.1;\r\n\t\w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000\r\nSubject: x\r\n/,
    );
    expect(text.endsWith(BODY)).toBe(true);
    expect(gateway.events.relayed).toMatchObject([
      {
        result: 'relayed',
        bytes: BODY.length,
        recipients: 1,
        nextHop: hop.name,
        nextHopReply: '250 2.6.0 queued as 42',
      },
    ]);
    expect(gateway.events.recipients).toMatchObject([
      { nextHopReply: '250 2.1.5 recipient fine', ref: null },
    ]);
  });

  it('asks the next hop nothing about a recipient that the directory refuses', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    expect(await client.askAll('MAIL FROM:<>', 'RCPT TO:<nobody@b.example>', 'DATA', 'RSET')).toMatchObject(
      [/^250/, /^550 5\.1\.1/, /^554 5\.5\.1/, /^250/].map((pattern) => expect.stringMatching(pattern)),
    );
    expect(hop.connections).toBe(0);
  });

  it('reuses the connection, and replaces one that died while idle', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    await sendMessage(client);
    await sendMessage(client);
    expect(hop.connections).toBe(1);
    for (const session of hop.open) session.destroy();
    await hop.until(() => hop.open.size === 0);
    expect((await sendMessage(client)).at(-1)).toBe('250 2.6.0 queued as 42');
    expect(hop.connections).toBe(2);
    expect(hop.delivered).toHaveLength(3);
  });

  it('replaces a kept connection that is closed at MAIL', async () => {
    let mails = 0;
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    await sendMessage(client);
    for (const session of hop.open) session.rude = () => (mails++ === 0 ? { do: 'reset' } : null);
    expect((await sendMessage(client)).at(-1)).toBe('250 2.6.0 queued as 42');
    expect(hop.connections).toBe(2);
    expect(gateway.events.hopTroubles).toEqual([]);
  });

  it('resets the next hop when the client resets, and keeps the connection', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'RSET');
    await hop.until(() => hop.commands.includes('RSET'));
    await client.ask('NOOP');
    await sendMessage(client);
    expect(hop.delivered).toHaveLength(1);
    expect(hop.delivered[0]?.to).toEqual(['known1@b.example']);
  });

  it('serves a client that pipelines everything', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    const one = (n: number) => `MAIL FROM:<>\r\nRCPT TO:<known${n}@b.example>\r\nDATA\r\n`;
    client.send(one(1));
    for (const code of ['250', '250', '354']) expect(await client.reply()).toMatch(new RegExp(`^${code}`));
    client.send(`first\r\n.\r\n${one(2)}`);
    for (const code of ['250', '250', '250', '354'])
      expect(await client.reply()).toMatch(new RegExp(`^${code}`));
    client.send('second\r\n.\r\nQUIT\r\n');
    expect(await client.reply()).toMatch(/^250/);
    expect(await client.reply()).toMatch(/^221/);
    expect(hop.delivered.map(({ wire }) => wire.toString().split('\r\n').at(-2))).toEqual([
      'first',
      'second',
    ]);
  });

  it('serves a client that sends the message without waiting for 354', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    client.send('MAIL FROM:<>\r\nRCPT TO:<known1@b.example>\r\nDATA\r\none\r\n.\r\n'.repeat(3));
    for (let n = 0; n < 3; n++) {
      for (const code of ['250', '250', '354', '250'])
        expect(await client.reply()).toMatch(new RegExp(`^${code}`));
    }
    expect(hop.delivered).toHaveLength(3);
  });

  it('answers the same however the bytes of a session are cut', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name);
    const whole =
      'MAIL FROM:<>\r\nRCPT TO:<known1@b.example>\r\nRCPT TO:<no@b.example>\r\nDATA\r\n..x\r\n.\r\nQUIT\r\n';
    for (const size of [1, 2, 3, 5, 7, 11, 13, whole.length]) {
      const client = await gateway.greeted();
      for (const piece of whole.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? []) client.send(piece);
      await client.rest();
      const codes = [...client.transcript.matchAll(/^(\d{3}) /gm)].map(([, code]) => code);
      expect(codes).toEqual(['220', '250', '250', '250', '550', '354', '250', '221']);
    }
    expect(hop.delivered.every(({ wire }) => wire.toString().endsWith('\r\n..x\r\n'))).toBe(true);
    expect(hop.delivered).toHaveLength(8);
  });

  it('passes an empty message', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    expect((await sendMessage(client, '')).at(-1)).toMatch(/^250/);
    expect(hop.delivered[0]?.wire.toString()).toMatch(/^Received: .*\r\n\t.*\r\n\t.*\+0000\r\n$/);
  });

  it('passes parameters on as the next hop understands them', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    await client.ask('MAIL FROM:<"a b"@x.example> SIZE=100 BODY=8BITMIME SMTPUTF8');
    await client.ask('RCPT TO:<"known one"@b.example>');
    const mail = hop.commands.find((line) => line.startsWith('MAIL')) ?? '';
    expect(mail).toMatch(/^MAIL FROM:<"a b"@x\.example> SIZE=(\d+) BODY=8BITMIME SMTPUTF8$/);
    expect(Number(/SIZE=(\d+)/.exec(mail)?.[1])).toBeGreaterThan(100);
    expect(hop.commands).toContain('RCPT TO:<"known one"@b.example>');
  });

  it('offers only what the next hop can take, and defers what it turns out to lack', async () => {
    const hop = await ScriptedHop.start({ keywords: ['SIZE 1000'] });
    const gateway = await openRelaying(hop.name);
    const client = await gateway.dialog();
    expect(await client.ask('EHLO c')).toContain('8BITMIME');
    await client.ask('MAIL FROM:<a@x.example> BODY=8BITMIME');
    expect(await client.ask('RCPT TO:<known1@b.example>')).toMatch(/^451 4\.4\.0 .*8BITMIME/);
    const offered = await client.ask('EHLO c');
    expect(offered).toContain('SIZE 1000');
    expect(offered).not.toContain('8BITMIME');
    expect(offered).not.toContain('SMTPUTF8');
    expect(gateway.relay.capabilities(hop.name)).toMatchObject({ size: 1000, eightBitMime: false });
    await client.ask('MAIL FROM:<> SMTPUTF8');
    expect(await client.ask('RCPT TO:<known1@b.example>')).toMatch(/^451 4\.4\.0 .*SMTPUTF8/);
  });

  it('gives recipients of another next hop a transaction of their own', async () => {
    const first = await ScriptedHop.start();
    const second = await ScriptedHop.start();
    const gateway = await openRelaying(({ domain }) => (domain === 'b.example' ? first.name : second.name));
    const client = await gateway.greeted();
    const replies = await client.askAll(
      'MAIL FROM:<>',
      'RCPT TO:<known1@b.example>',
      'RCPT TO:<known1@c.example>',
    );
    expect(replies[2]).toMatch(/^452 4\.5\.3 .*separate/);
    expect(gateway.events.recipients[1]?.verdict.reason).toBe('other-next-hop');
  });

  it('lets a dead next hop stand in nobody else’s way', async () => {
    const second = await ScriptedHop.start();
    const gateway = await openRelaying(({ domain }) =>
      domain === 'b.example' ? '127.0.0.1:1' : second.name,
    );
    const client = await gateway.greeted();
    const replies = await client.askAll(
      'MAIL FROM:<>',
      'RCPT TO:<known1@b.example>',
      'RCPT TO:<known1@c.example>',
    );
    expect(replies[1]).toMatch(/^451 4\.4\.1/);
    expect(replies[2]).toMatch(/^250/);
    await client.ask('DATA');
    expect(await client.ask('x\r\n.')).toMatch(/^250/);
    expect(second.delivered).toHaveLength(1);
  });
});

describe('a next hop in trouble', () => {
  type Row = [name: string, script: Script, mail: RegExp[]];
  const ok = /^250/;
  const go = /^354/;
  const rows: Row[] = [
    ['refuses us in its greeting', { greeting: '554 5.7.1 go away' }, [ok, /^451 4\.4\.1/, /^451 4\.5\.1/]],
    ['is full in its greeting', { greeting: '421 4.3.2 busy' }, [ok, /^451 4\.4\.1/, /^451/]],
    ['hangs in its greeting', { greeting: { do: 'hang' } }, [ok, /^451 4\.4\.2/, /^451/]],
    ['speaks something else', { greeting: { do: 'garbage' } }, [ok, /^451 4\.4\.0/, /^451/]],
    ['resets at once', { greeting: { do: 'reset' } }, [ok, /^451 4\.4/, /^451/]],
    ['closes at EHLO', { ehlo: { do: 'close' } }, [ok, /^451 4\.4\.2/, /^451/]],
    ['defers EHLO', { ehlo: '450 4.3.2 later' }, [ok, /^451 4\.4\.1/, /^451/]],
    ['knows only HELO', { ehlo: '500 what' }, [ok, ok, go, ok]],
    [
      'refuses the sender',
      { mail: '550 5.7.26 unauthenticated sender' },
      [ok, /^550 5\.7\.26 unauthenticated sender \[ref/, /^554/],
    ],
    [
      'defers the sender',
      { mail: '451 4.7.1 greylisted' },
      [ok, /^451 4\.7\.1 greylisted \[ref/, /^451 4\.5\.1/],
    ],
    ['wants authentication', { mail: '530 5.7.57 not authenticated' }, [ok, /^451 4\.4\.0/, /^451/]],
    ['dislikes a parameter', { mail: '555 5.5.4 unsupported' }, [ok, /^451 4\.4\.0/, /^451/]],
    ['says 421 to MAIL', { mail: '421 4.3.2 restarting' }, [ok, /^451 4\.4\.2/, /^451/]],
    ['hangs at MAIL', { mail: { do: 'hang' } }, [ok, /^451 4\.4\.2/, /^451/]],
    [
      'refuses the recipient',
      { rcpt: '550 5.1.10 recipient not found' },
      [ok, /^550 5\.1\.10 recipient not found \[ref/, /^554 5\.5\.1/],
    ],
    [
      'refuses over several lines',
      { rcpt: '550-5.1.1 no\r\n550 5.1.1 such user' },
      [ok, /^550-5\.1\.1 no\n550 5\.1\.1 such user \[ref/, /^554/],
    ],
    ['refuses without enhanced code', { rcpt: '550 no' }, [ok, /^550 5\.0\.0 no \[ref/, /^554/]],
    ['has a code of the wrong class', { rcpt: '450 5.1.1 hm' }, [ok, /^450 4\.0\.0 hm \[ref/, /^451/]],
    [
      'defers the recipient',
      { rcpt: '450 4.2.1 mailbox busy' },
      [ok, /^450 4\.2\.1 mailbox busy/, /^451 4\.5\.1/],
    ],
    ['dislikes the address', { rcpt: '501 5.1.3 bad address' }, [ok, /^501 5\.1\.3 bad address/, /^554/]],
    ['dislikes our syntax', { rcpt: '501 5.5.4 syntax' }, [ok, /^451 4\.4\.0/, /^451/]],
    [
      'denies us relay by attribution',
      { rcpt: '550 5.7.64 TenantAttribution; Relay Access Denied' },
      [ok, /^451 4\.4\.0/, /^451/],
    ],
    ['says 250 twice over', { rcpt: '251 2.1.5 will forward' }, [ok, /^250 2\.1\.5 will forward/, go, ok]],
    ['resets at RCPT', { rcpt: { do: 'reset' } }, [ok, /^451 4\.4\.2/, /^451/]],
    ['half-closes at RCPT', { rcpt: { do: 'half-close' } }, [ok, /^451 4\.4\.2/, /^451/]],
    [
      'answers RCPT and closes',
      { rcpt: { do: 'reply-and-close', text: '250 ok' } },
      [ok, ok, /^451 4\.4\.2/],
    ],
    ['says 354 to RCPT', { rcpt: '354 what' }, [ok, /^451 4\.4\.0/, /^451/]],
    ['refuses DATA', { data: '554 5.7.1 no' }, [ok, ok, /^554 5\.7\.1 no \[ref/]],
    ['says 250 to DATA', { data: '250 sure' }, [ok, ok, /^451 4\.4\.0/]],
    ['finds DATA out of order', { data: '503 5.5.1 sequence' }, [ok, ok, /^451 4\.4\.0/]],
    ['hangs at DATA', { data: { do: 'hang' } }, [ok, ok, /^451 4\.4\.2/]],
    ['resets within the message', { body: { do: 'reset' } }, [ok, ok, go, /^451 4\.4\.2/]],
    ['closes within the message', { body: { do: 'close' } }, [ok, ok, go, /^451 4\.4\.2/]],
    ['half-closes within the message', { body: { do: 'half-close' } }, [ok, ok, go, /^451 4\.4\.2/]],
    ['hangs within the message', { body: { do: 'hang' } }, [ok, ok, go, /^451 4\.4\.2/]],
    [
      'says no within the message',
      { body: '552 5.3.4 too big for me' },
      [ok, ok, go, /^552 5\.3\.4 too big for me/],
    ],
    ['says yes within the message', { body: '250 2.0.0 done' }, [ok, ok, go, /^451 4\.4\.0/]],
    ['refuses the message', { message: '554 5.6.0 no' }, [ok, ok, go, /^554 5\.6\.0 no \[ref/]],
    ['defers the message', { message: '452 4.3.1 disk full' }, [ok, ok, go, /^452 4\.3\.1 disk full \[ref/]],
    ['says 421 to the dot', { message: '421 4.3.2 stopping' }, [ok, ok, go, /^451 4\.4\.2/]],
    ['resets after the dot', { message: { do: 'reset' } }, [ok, ok, go, /^451 4\.4\.2/]],
    ['half-closes after the dot', { message: { do: 'half-close' } }, [ok, ok, go, /^451 4\.4\.2/]],
    ['hangs after the dot', { message: { do: 'hang' } }, [ok, ok, go, /^451 4\.4\.2/]],
    ['babbles after the dot', { message: { do: 'garbage' } }, [ok, ok, go, /^451 4\.4\.0/]],
    [
      'takes it and closes',
      { message: { do: 'reply-and-close', text: '250 2.0.0 got it' } },
      [ok, ok, go, /^250 2\.0\.0 got it/],
    ],
  ];
  const limits = { greeting: 150, ehlo: 150, mail: 150, rcpt: 150, data: 150, body: 150, message: 150 };

  it.each(rows)('that %s', async (_name, script, expected) => {
    const hop = await ScriptedHop.start(script);
    const gateway = await openRelaying(hop.name, {}, { timeouts: limits });
    const client = await gateway.greeted();
    // Large enough that a hop which dies within the message is noticed while it is being sent.
    const body = script.body ? `${'x'.repeat(998)}\r\n`.repeat(12_000) : BODY;
    const replies = await sendMessage(client, body);
    expect(replies).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
    const accepted = /^250/.test(replies[3] ?? '');
    expect(hop.delivered.length).toBe(accepted ? 1 : 0);
    // The session goes on, and the next message is judged afresh.
    expect(await client.ask('RSET')).toMatch(/^250/);
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^250/);
  });

  it('refuses one of three recipients and takes the message for two', async () => {
    const refuse = (_path: string, nth: number): Act | null => (nth === 2 ? '550 5.1.1 not here' : null);
    const hop = await ScriptedHop.start({ rcpt: refuse });
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    const replies = await sendMessage(client, BODY, 'known1', 'known2', 'known3');
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['250', '250', '550', '250', '354', '250']);
    expect(hop.delivered[0]?.to).toEqual(['known1@b.example', 'known3@b.example']);
    expect(gateway.events.recipients.map(({ ref }) => ref)).toEqual([null, '7F3K2Q', null]);
  });

  it('is reported, with whether the message may arrive twice', async () => {
    for (const [script, duplicatePossible] of [
      [{ message: { do: 'reset' } }, true],
      [{ message: '452 4.3.1 full' }, false],
      [{ body: { do: 'reset' } }, false],
    ] as const) {
      const hop = await ScriptedHop.start(script);
      const gateway = await openRelaying(hop.name);
      await sendMessage(await gateway.greeted(), `${'x'.repeat(998)}\r\n`.repeat(12_000));
      expect(gateway.events.failed).toMatchObject([{ result: 'deferred', duplicatePossible, ref: '7F3K2Q' }]);
    }
  });

  it('cannot make our client time out while we wait for it', async () => {
    const hop = await ScriptedHop.start({ message: { do: 'hang' } });
    const gateway = await openRelaying(
      hop.name,
      { commandTimeout: 300, dataTimeout: 300 },
      { timeouts: { message: 1200 } },
    );
    const replies = await sendMessage(await gateway.greeted());
    expect(replies.at(-1)).toMatch(/^451 4\.4\.2/);
  });
});

describe('random trouble', () => {
  const acts: Act[] = [
    { do: 'hang' },
    { do: 'reset' },
    { do: 'close' },
    { do: 'half-close' },
    { do: 'garbage' },
    { do: 'reply-and-close', text: '250 2.0.0 and gone' },
    '250 2.0.0 fine',
    '354 go',
    '421 4.3.2 bye',
    '450 4.2.0 later',
    '503 5.5.1 order',
    '550 5.1.1 no',
  ];
  const stages = ['greeting', 'ehlo', 'mail', 'rcpt', 'data', 'body', 'message'] as const;
  const timeouts = { greeting: 60, ehlo: 60, mail: 60, rcpt: 60, data: 60, body: 60, message: 60, reset: 60 };

  function randomScript(chance: () => number): Script {
    const script: Record<string, unknown> = { times: 1 + below(chance, 3) };
    for (let faults = 1 + below(chance, 2); faults > 0; faults--) {
      script[stages[below(chance, stages.length)] ?? 'mail'] = acts[below(chance, acts.length)];
    }
    return script;
  }

  /** How many of four messages were answered with 250; every other command must get some answer too. */
  async function acknowledgedOf(client: Dialog): Promise<number> {
    let acknowledged = 0;
    for (let message = 0; message < 4; message++) {
      const replies = await sendMessage(client, 'x\r\n', 'known1', 'known2');
      for (const reply of replies) expect(reply).toMatch(/^[2345]\d\d /);
      if (replies.length > 4 && replies.at(-1)?.startsWith('250')) acknowledged += 1;
      expect(await client.ask('RSET')).toMatch(/^250/);
    }
    return acknowledged;
  }

  it.each(Array.from({ length: 60 }, (_, n) => n))(
    'seed %i: delivered is what was answered with 250',
    async (seed) => {
      const script = randomScript(seeded(seed));
      const hop = await ScriptedHop.start(script);
      const gateway = await openRelaying(hop.name, {}, { timeouts });
      const acknowledged = await acknowledgedOf(await gateway.greeted());
      expect(hop.delivered.length, JSON.stringify(script)).toBe(acknowledged);
      expect(gateway.events.relayed.length).toBe(acknowledged);
    },
  );
});

describe('a client that closes its side once it has said everything', () => {
  it('still hears every answer, and its message arrives', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    client.send('MAIL FROM:<>\r\nRCPT TO:<known1@b.example>\r\nRCPT TO:<nobody@b.example>\r\nDATA\r\n');
    client.send(`${BODY}.\r\n`);
    client.finish();
    const replies = [];
    for (let count = 0; count < 5; count++) replies.push(await client.reply());
    expect(replies).toMatchObject(
      [/^250 2\.1\.0/, /^250 2\.1\.5/, /^550 5\.1\.1/, /^354/, /^250 2\.6\.0/].map((pattern) =>
        expect.stringMatching(pattern),
      ),
    );
    expect(await client.rest()).toBe('');
    expect(hop.delivered).toHaveLength(1);
  });
});

describe('a client in trouble', () => {
  it('that vanishes within the message leaves nothing at the next hop', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    client.send('half a mess');
    client.vanish();
    await hop.until(() => hop.open.size === 0);
    expect(hop.delivered).toHaveLength(0);
    await gateway.events.until(() => gateway.events.failed.length > 0);
    expect(gateway.events.failed).toMatchObject([{ result: 'aborted', duplicatePossible: false, ref: null }]);
  });

  it('that half-closes within the message leaves nothing either', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    client.send('half a message\r\n.');
    client.finish();
    await hop.until(() => hop.open.size === 0);
    expect(hop.delivered).toHaveLength(0);
  });

  it.each([
    ['greeting', { greeting: { do: 'hang' } }],
    ['MAIL', { mail: { do: 'hang' } }],
    ['RCPT', { rcpt: { do: 'hang' } }],
    ['DATA', { data: { do: 'hang' } }],
    ['the dot', { message: { do: 'hang' } }],
  ] as Array<[string, Script]>)(
    'that vanishes while the next hop hangs at %s frees it',
    async (_stage, script) => {
      const hop = await ScriptedHop.start(script);
      const gateway = await openRelaying(hop.name);
      const client = await gateway.greeted();
      client.send('MAIL FROM:<>\r\nRCPT TO:<known1@b.example>\r\nDATA\r\nx\r\n.\r\n');
      await hop.until(() => hop.open.size === 1);
      if (!script.greeting) await hop.until(() => hop.stalled);
      client.vanish();
      await hop.until(() => hop.open.size === 0);
      await gateway.events.until(
        () => gateway.listener.connections() === 0 || gateway.events.failed.length > 0,
      );
      expect(gateway.events.hopTroubles).toEqual([]);
    },
  );

  it('that sends too much is told so, and cut off when it goes on', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name, { maxMessageSize: 10_000 });
    const client = await gateway.greeted();
    expect((await sendMessage(client, `${'x'.repeat(98)}\r\n`.repeat(150))).at(-1)).toMatch(/^552 5\.3\.4/);
    expect(await client.ask('NOOP')).toMatch(/^250/);
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    for (let n = 0; n < 200; n++) await client.push(Buffer.alloc(1000, 'x'));
    expect(await client.reply()).toMatch(/^552 5\.3\.4/);
    expect(await client.rest()).toBe('');
    expect(hop.delivered).toHaveLength(0);
    expect(gateway.events.failed).toMatchObject([{ result: 'refused' }, { result: 'refused' }]);
  });

  it('that falls silent within the message is cut off', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name, { dataTimeout: 80 });
    const client = await gateway.greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    client.send('half a mess');
    expect(await client.reply()).toMatch(/^421 4\.4\.2/);
    await hop.until(() => hop.open.size === 0);
    expect(hop.delivered).toHaveLength(0);
  });
});

describe('stopping', () => {
  it('lets a message that waits for its final answer have it', async () => {
    const hop = await ScriptedHop.start({ stall: true });
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    client.send('x\r\n.\r\n');
    const closed = gateway.listener.close(5000);
    hop.resume();
    expect(await client.reply()).toMatch(/^250/);
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^421 4\.3\.2/);
    client.close();
    await closed;
    expect(hop.delivered).toHaveLength(1);
  });

  it('cuts a message at the end of the grace without a yes', async () => {
    const hop = await ScriptedHop.start({ message: { do: 'hang' } });
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>', 'DATA');
    client.send('x\r\n.\r\n');
    const closed = gateway.listener.close(50);
    expect(await client.reply()).toMatch(/^421 4\.3\.2/);
    await closed;
    expect(gateway.events.failed).toMatchObject([{ result: 'aborted' }]);
  });
});
