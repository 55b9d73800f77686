/**
 * The practice next hop: an SMTP server (RFC 5321) that takes every message and keeps the last ones byte for byte.
 * It offers PIPELINING, 8BITMIME (RFC 6152) and SMTPUTF8 (RFC 6531); no AUTH, no STARTTLS.
 * Limit: 256 messages are kept; use `onMessage` to see them all.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { SMTPServer } from 'smtp-server';

export interface PracticeMessage {
  /** The reverse path, '' for a bounce. */
  readonly from: string;
  readonly to: readonly string[];
  /** The body as it was before dot-stuffing. */
  readonly bytes: Buffer;
}

export interface PracticeNextHop extends AsyncDisposable {
  readonly port: number;
  /** The last messages, oldest first. */
  readonly messages: PracticeMessage[];
  close(): Promise<void>;
}

export interface NextHopOptions {
  /** 127.0.0.1 unless given. */
  readonly host?: string;
  /** Any free port unless given. */
  readonly port?: number;
  readonly onMessage?: (message: PracticeMessage) => void;
}

const KEPT = 256;

/** Starts a next hop. */
export async function startPracticeNextHop(options: NextHopOptions = {}): Promise<PracticeNextHop> {
  const messages: PracticeMessage[] = [];
  const keep = (message: PracticeMessage): void => {
    messages.push(message);
    if (messages.length > KEPT) messages.shift();
    options.onMessage?.(message);
  };
  const server = new SMTPServer({
    name: 'next-hop.practice.example',
    banner: 'rcptgate practice next hop',
    disabledCommands: ['AUTH', 'STARTTLS'],
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 1,
    onData(stream, session, done) {
      const { mailFrom, rcptTo } = session.envelope;
      const from = mailFrom === false ? '' : mailFrom.address;
      const to = rcptTo.map(({ address }) => address);
      read(stream).then((bytes) => {
        keep({ from, to, bytes });
        done();
      }, done);
    },
  });
  // A client that vanishes in mid-dialogue is no failure of the next hop.
  server.on('error', () => {});
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  await once(server.server, 'listening');
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  const { port } = server.server.address() as AddressInfo;
  return { port, messages, close, [Symbol.asyncDispose]: close };
}

async function read(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
