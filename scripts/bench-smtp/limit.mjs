/** The fixed-reply server of bench-smtp on Node's `net`: what the runtime allows. One write for each chunk. Prints its port. */
import net from 'node:net';

/** The reply to one command line, by its first letters. */
function replyTo(text, from) {
  const verb = text.slice(from, from + 2);
  if (verb === 'QU') return '221 2.0.0 Bye\r\n';
  if (verb !== 'RC') return '250 2.0.0 OK\r\n';
  const unknown = text[from + 9] === 'x' && text[from + 10] >= '0' && text[from + 10] <= '9';
  return unknown ? '550 5.1.1 No such recipient here\r\n' : '250 2.1.5 Recipient OK\r\n';
}

const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => undefined);
  socket.write('220 limit.example ESMTP\r\n');
  socket.on('data', (chunk) => {
    const text = chunk.latin1Slice();
    let replies = '';
    for (let from = 0, end = text.indexOf('\n'); end >= 0; from = end + 1, end = text.indexOf('\n', from)) {
      replies += replyTo(text, from);
    }
    socket.write(replies, 'latin1');
    if (replies.startsWith('221')) socket.end();
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(server.address().port));
