/** DSN through the gateway: offered when the next hop may have it, passed on as it came, refused or deferred otherwise. */
import { describe, expect, it } from 'vitest';
import { openGateway, openRelaying } from './gateway.ts';
import { ScriptedHop } from './scripted-hop.ts';

const DSN = { keywords: ['PIPELINING', 'SIZE 1000000', '8BITMIME', 'SMTPUTF8', 'DSN'] };

describe('DSN', () => {
  it('is offered while nothing is known of the next hop, and passed on as it came', async () => {
    const hop = await ScriptedHop.start(DSN);
    const client = await (await openRelaying(hop.name)).dialog();
    expect(await client.ask('EHLO c.example')).toContain('DSN');
    await client.askAll(
      'MAIL FROM:<s@x.example> ret=hdrs ENVID=QQ+2B314159',
      'RCPT TO:<known1@b.example> notify=success,delay ORCPT=rfc822;Known+2B1@b.example',
      'RCPT TO:<known2@b.example> NOTIFY=NEVER',
      'RCPT TO:<known3@b.example>',
    );
    expect(hop.commands.filter((line) => /^(?:MAIL|RCPT)/.test(line))).toEqual([
      'MAIL FROM:<s@x.example> RET=HDRS ENVID=QQ+2B314159',
      'RCPT TO:<known1@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Known+2B1@b.example',
      'RCPT TO:<known2@b.example> NOTIFY=NEVER',
      'RCPT TO:<known3@b.example>',
    ]);
    expect(await client.ask('DATA')).toMatch(/^354/);
  });

  it('that turns out to be missing defers, and is not offered again', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    await client.ask('MAIL FROM:<> RET=FULL');
    expect(await client.ask('RCPT TO:<known1@b.example>')).toMatch(/^451 4\.4\.0 .*DSN.*\[ref/);
    await client.askAll('RSET', 'MAIL FROM:<>');
    expect(await client.ask('RCPT TO:<known1@b.example> NOTIFY=NEVER')).toMatch(/^451 4\.4\.0/);
    expect(await client.ask('RCPT TO:<known1@b.example>')).toMatch(/^250/);
    const later = await gateway.dialog();
    expect(await later.ask('EHLO c.example')).not.toContain('DSN');
    expect(await later.ask('MAIL FROM:<> RET=FULL')).toMatch(/^555 5\.5\.4/);
    await later.ask('MAIL FROM:<>');
    expect(await later.ask('RCPT TO:<known1@b.example> NOTIFY=NEVER')).toMatch(/^555 5\.5\.4/);
  });

  it('is not offered to HELO, nor by a listener that takes no mail', async () => {
    const hop = await ScriptedHop.start(DSN);
    const client = await (await openRelaying(hop.name)).dialog();
    await client.ask('HELO c.example');
    expect(await client.ask('MAIL FROM:<> RET=FULL')).toMatch(/^555/);
    const verifying = await (await openGateway()).dialog();
    expect(await verifying.ask('EHLO c.example')).not.toContain('DSN');
    expect(await verifying.ask('MAIL FROM:<> RET=FULL')).toMatch(/^555/);
  });

  it.each([
    ['MAIL FROM:<> RET=ALL', /^501 5\.5\.4/],
    ['MAIL FROM:<> ENVID=a+0D+0Ab', /^501 5\.5\.4/],
    ['MAIL FROM:<> RET=FULL RET=HDRS', /^501 5\.5\.4/],
    ['MAIL FROM:<> NOTIFY=NEVER', /^555 5\.5\.4/],
  ])('%s', async (line, reply) => {
    const hop = await ScriptedHop.start(DSN);
    const client = await (await openRelaying(hop.name)).greeted();
    expect(await client.ask(line)).toMatch(reply);
    await client.ask('MAIL FROM:<>');
    expect(await client.ask('RCPT TO:<known1@b.example> NOTIFY=NEVER,SUCCESS')).toMatch(/^501 5\.5\.4/);
  });
});
