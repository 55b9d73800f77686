/** The practice next hop, spoken to over a socket. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { startPracticeNextHop } from '../../src/practice/next-hop.ts';

it('takes every message and keeps it byte for byte', async () => {
  const seen: string[] = [];
  await using hop = await startPracticeNextHop({ onMessage: ({ from }) => seen.push(from) });
  const socket = connect(hop.port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  const reply = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(text)) await once(socket, 'data');
  };
  await reply(/^220 /m);
  socket.write('EHLO gateway.example\r\n');
  await reply(/^250 /m);
  expect(text).toMatch(/PIPELINING[\s\S]*8BITMIME[\s\S]*SMTPUTF8/);
  expect(text).not.toMatch(/AUTH|STARTTLS/);
  socket.write(
    'MAIL FROM:<> BODY=8BITMIME\r\nRCPT TO:<a@contoso.example>\r\nRCPT TO:<b@contoso.example>\r\nDATA\r\n',
  );
  await reply(/^354 /m);
  socket.write(Buffer.from('Subject: caf\xe9\r\n\r\n..stuffed\r\nplain\r\n.\r\nQUIT\r\n', 'latin1'));
  await once(socket, 'close');
  expect(hop.messages).toHaveLength(1);
  expect(hop.messages[0]).toMatchObject({ from: '', to: ['a@contoso.example', 'b@contoso.example'] });
  expect(hop.messages[0]?.bytes.toString('latin1')).toBe('Subject: caf\xe9\r\n\r\n.stuffed\r\nplain\r\n');
  expect(seen).toEqual(['']);
});
