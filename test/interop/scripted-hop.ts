/** A next hop whose answers a test decides, and which keeps every body exactly as it came over the wire. */
import { once } from 'node:events';
import net from 'node:net';

/** What the hop does; a test may change it at any time, for what comes next. */
export interface HopScript {
  /** The reply line to a recipient. */
  rcpt: (address: string) => string;
  /** The reply line to the final dot; null for silence. */
  dot: () => string | null;
  /** The connection is reset once so many bytes of a body have come. */
  dieAfter: number;
  /** Nothing more is read from a connection once so many bytes of a body have come. */
  holdAfter: number;
}

export interface HopMessage {
  readonly from: string;
  readonly to: readonly string[];
  /** Dot-unstuffed, line ends as they came. */
  readonly bytes: Buffer;
}

export interface ScriptedHop extends AsyncDisposable {
  readonly port: number;
  readonly script: HopScript;
  /** What got a 2xx to its dot, oldest first. */
  readonly messages: HopMessage[];
  /** Every body that came to its dot, whatever the answer was. */
  readonly bodies: HopMessage[];
  /** How often DATA was begun. */
  readonly transfers: number;
  /** How many connections are held in the middle of a body. */
  readonly held: number;
}

const END = Buffer.from('\r\n.\r\n');

/** A hop that takes everything until told otherwise, on any free port unless given. */
export async function startScriptedHop(port = 0): Promise<ScriptedHop> {
  const hop = {
    port: 0,
    script: {
      rcpt: () => '250 2.1.5 OK',
      dot: () => '250 2.0.0 Taken',
      dieAfter: Number.POSITIVE_INFINITY,
      holdAfter: Number.POSITIVE_INFINITY,
    },
    messages: [] as HopMessage[],
    bodies: [] as HopMessage[],
    transfers: 0,
    held: 0,
  };
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    serve(socket, hop);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  hop.port = (server.address() as net.AddressInfo).port;
  return Object.assign(hop, {
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  });
}

type Counts = 'transfers' | 'held';
type Hop = Omit<ScriptedHop, typeof Symbol.asyncDispose | Counts> & Record<Counts, number>;

function serve(socket: net.Socket, hop: Hop): void {
  const say = (line: string): void => void socket.write(`${line}\r\n`);
  let envelope: { from: string; to: string[] } = { from: '', to: [] };
  let pending: Buffer = Buffer.alloc(0);
  let body: BodyCollector | null = null;

  const onBody = (chunk: Buffer): Buffer => {
    const { size, bytes, rest } = (body as BodyCollector).take(chunk);
    if (size >= hop.script.dieAfter) {
      socket.resetAndDestroy();
      return Buffer.alloc(0);
    }
    if (size >= hop.script.holdAfter) {
      socket.pause();
      hop.held++;
      return Buffer.alloc(0);
    }
    if (bytes === null) return rest;
    body = null;
    const message = { ...envelope, bytes };
    hop.bodies.push(message);
    const answer = hop.script.dot();
    if (answer?.startsWith('2')) hop.messages.push(message);
    if (answer !== null) say(answer);
    return rest;
  };
  const verbs: Record<string, (path: string) => void> = {
    EHLO: () => say('250-hop.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8'),
    MAIL(from) {
      envelope = { from, to: [] };
      say('250 2.1.0 OK');
    },
    RCPT(address) {
      const answer = hop.script.rcpt(address);
      if (answer.startsWith('2')) envelope.to.push(address);
      say(answer);
    },
    DATA() {
      if (envelope.to.length === 0) return say('554 5.5.1 No recipients');
      hop.transfers++;
      body = bodyCollector();
      say('354 Go on');
    },
    QUIT: () => void socket.end('221 2.0.0 Bye\r\n'),
  };
  const onCommand = (line: string): void => {
    const verb = verbs[line.slice(0, 4).toUpperCase()] ?? (() => say('250 2.0.0 OK'));
    verb(/<([^>]*)>/.exec(line)?.[1] ?? '');
  };

  say('220 hop.example ESMTP');
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length > 0) {
      if (body !== null) {
        pending = onBody(pending);
        continue;
      }
      const end = pending.indexOf('\r\n');
      if (end < 0) return;
      const line = pending.toString('latin1', 0, end);
      pending = pending.subarray(end + 2);
      onCommand(line);
    }
  });
}

interface BodyCollector {
  /** `bytes` is the whole body once its end has come; `rest` is what follows it. */
  take(chunk: Buffer): { readonly size: number; readonly bytes: Buffer | null; readonly rest: Buffer };
}

/** Collects a body up to its dot. It begins after a line end, so that an empty body ends at its first dot. */
function bodyCollector(): BodyCollector {
  const chunks: Buffer[] = [Buffer.from('\r\n')];
  let tail = Buffer.from('\r\n');
  let size = 0;
  return {
    take(chunk) {
      const joined = Buffer.concat([tail, chunk]);
      const end = joined.indexOf(END);
      if (end < 0) {
        chunks.push(chunk);
        size += chunk.length;
        tail = Buffer.from(joined.subarray(-END.length + 1));
        return { size, bytes: null, rest: Buffer.alloc(0) };
      }
      const used = end + END.length - tail.length;
      chunks.push(chunk.subarray(0, used));
      const whole = Buffer.concat(chunks).subarray(0, -3).toString('latin1');
      // From the leading line end on: the first line may be stuffed too.
      const bytes = Buffer.from(whole.replaceAll('\r\n.', '\r\n').slice(2), 'latin1');
      return { size: size + used, bytes, rest: chunk.subarray(used) };
    },
  };
}
