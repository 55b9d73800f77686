/** RCPT of somebody the directory does not know: a lookup may answer later, in its place, and the rest is as before. */
import { describe, expect, it } from 'vitest';
import type { Mailbox } from '../../src/core/address.ts';
import { ACTION_OF, type Reason, type Verdict } from '../../src/core/verdict.ts';
import { openGateway, openRelaying, verdictFor } from './gateway.ts';
import { ScriptedHop } from './scripted-hop.ts';

function as(verdict: Verdict, reason: Reason): Verdict {
  return { ...verdict, reason, action: ACTION_OF[reason] };
}

/** Answers by local part: `new` is found, `slow` times out, `broken` throws, `rejected` rejects; all but `cached` later. */
function lookup(mailbox: Mailbox, verdict: Verdict): Verdict | Promise<Verdict> {
  const later = (reason: Reason): Promise<Verdict> =>
    new Promise((resolve) => setImmediate(() => resolve(as(verdict, reason))));
  if (mailbox.local === 'broken') throw new Error('lookup failed');
  if (mailbox.local === 'rejected') return Promise.reject(new Error('lookup failed'));
  if (mailbox.local === 'cached') return as(verdict, 'live-lookup');
  if (mailbox.local === 'slow') return later('lookup-timeout');
  return mailbox.local.startsWith('new') ? later('live-lookup') : later('unknown');
}

describe('a lookup', () => {
  it('is answered in its place of a pipelined batch', async () => {
    const gateway = await openGateway({}, { lookup });
    const client = await gateway.greeted();
    const names = ['known1', 'new1', 'nobody', 'slow', 'cached', 'broken', 'rejected', 'new2', 'known2'];
    client.send(`MAIL FROM:<>\r\n${names.map((name) => `RCPT TO:<${name}@b.example>\r\n`).join('')}RSET\r\n`);
    const replies: string[] = [];
    for (let index = 0; index < names.length + 2; index++) replies.push((await client.reply()).slice(0, 9));
    expect(replies).toEqual([
      '250 2.1.0',
      '250 2.1.5',
      '250 2.1.5',
      '550 5.1.1',
      '451 4.4.3',
      '250 2.1.5',
      '451 4.3.0',
      '451 4.3.0',
      '250 2.1.5',
      '250 2.1.5',
      '250 2.0.0',
    ]);
    expect(gateway.events.recipients.map(({ verdict }) => verdict.reason)).toEqual([
      'known',
      'live-lookup',
      'unknown',
      'lookup-timeout',
      'live-lookup',
      'internal-error',
      'internal-error',
      'live-lookup',
      'known',
    ]);
    expect(gateway.events.troubles).toMatchObject([{ stage: 'check' }, { stage: 'check' }]);
  });

  it('is asked only about the unknown', async () => {
    const asked: string[] = [];
    const gateway = await openGateway(
      {},
      {
        lookup: (mailbox, verdict) => {
          asked.push(mailbox.key);
          return verdict;
        },
      },
    );
    const client = await gateway.greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known@b.example>', 'RCPT TO:<Nobody@b.example>');
    expect(asked).toEqual(['nobody@b.example']);
  });

  it('that finds somebody leaves the last word to the next hop', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name, {}, {}, { lookup });
    const client = await gateway.greeted();
    expect(
      await client.askAll('MAIL FROM:<>', 'RCPT TO:<new1@b.example>', 'RCPT TO:<nobody@b.example>', 'DATA'),
    ).toEqual([
      '250 2.1.0 Sender OK',
      '250 2.1.5 recipient fine',
      expect.stringMatching(/^550 5\.1\.1/),
      expect.stringMatching(/^354/),
    ]);
    expect(hop.connections).toBe(1);
  });

  it('counts for the limit of recipients', async () => {
    const gateway = await openGateway({ maxRecipients: 2 }, { lookup });
    const client = await gateway.greeted();
    const names = ['new1', 'new2', 'new3'];
    const replies = await client.askAll(
      'MAIL FROM:<>',
      ...names.map((name) => `RCPT TO:<${name}@b.example>`),
    );
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['250', '250', '250', '452']);
  });

  it('that ends after its client is gone opens no next hop', async () => {
    const hop = await ScriptedHop.start();
    let answer = (): void => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let finish: (verdict: Verdict) => void = () => {};
    const gateway = await openRelaying(
      hop.name,
      {},
      {},
      {
        lookup: (mailbox) =>
          new Promise((resolve) => {
            finish = () => resolve(as(verdictFor(mailbox, hop.name), 'live-lookup'));
            answer();
          }),
      },
    );
    const client = await gateway.greeted();
    client.send('MAIL FROM:<>\r\nRCPT TO:<new1@b.example>\r\n');
    await asked;
    client.close();
    await expect.poll(() => gateway.listener.connections()).toBe(0);
    finish(verdictFor({ text: '', local: 'x', domain: 'b.example', key: '' }, null));
    await new Promise((resolve) => setImmediate(resolve));
    expect([hop.connections, gateway.events.recipients]).toEqual([0, []]);
  });
});
