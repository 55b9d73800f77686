/**
 * The least that Node can do about a recipient, for bench-smtp: a line, a look into a Set, a fixed reply, one write for each
 * chunk. `node limit.mjs ADDRESS-FILE` prints its port.
 */
import { readFileSync } from 'node:fs';
import net from 'node:net';

const known = new Set(readFileSync(process.argv[2], 'utf8').split('\n'));

/** The reply to the command line between two positions. */
function replyTo(text, from, end) {
  const verb = text.slice(from, from + 2);
  if (verb === 'QU') return '221 2.0.0 Bye\r\n';
  if (verb !== 'RC') return '250 2.0.0 OK\r\n';
  // RCPT TO:<…>CR
  const address = text.slice(from + 9, end - 2);
  return known.has(address) ? '250 2.1.5 Recipient OK\r\n' : '550 5.1.1 No such recipient here\r\n';
}

const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => undefined);
  socket.write('220 limit.example ESMTP\r\n');
  socket.on('data', (chunk) => {
    const text = chunk.latin1Slice();
    let replies = '';
    for (let from = 0, end = text.indexOf('\n'); end >= 0; from = end + 1, end = text.indexOf('\n', from)) {
      replies += replyTo(text, from, end);
    }
    socket.write(replies, 'latin1');
    if (replies.startsWith('221')) socket.end();
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(server.address().port));
