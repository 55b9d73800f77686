/** The commands' side of the control socket. */
import http from 'node:http';
import readline from 'node:readline';

/** The daemon cannot be asked: it does not run, or this user may not open its socket. */
export class DaemonUnreachable extends Error {
  override readonly name = 'DaemonUnreachable';
}

export interface ControlClient {
  get(path: string): Promise<unknown>;
  /** Posts JSON, or bytes as they are. */
  post(path: string, body: unknown, headers?: Headers): Promise<unknown>;
  /** Posts and reads the answer as JSON lines, as they come. */
  postLines(path: string, body: unknown, headers?: Headers): AsyncGenerator<unknown>;
  /** Posts and reads the answer as bytes, as they come. */
  postBytes(path: string, body: unknown): AsyncGenerator<Uint8Array>;
}

type Headers = Readonly<Record<string, string>>;

/** A client of the daemon behind `socketPath`. Every call throws {@link DaemonUnreachable} when nobody answers. */
export function controlClient(socketPath: string): ControlClient {
  const call = async (method: string, path: string, body?: unknown, headers?: Headers): Promise<unknown> => {
    const response = await request(socketPath, { method, path, headers }, body);
    return response.statusCode === 200 ? valueIn(response) : refusal(response);
  };
  return {
    get: (path) => call('GET', path),
    post: (path, body, headers) => call('POST', path, body, headers),
    async *postLines(path, body, headers) {
      const response = await request(socketPath, { method: 'POST', path, headers }, body);
      for await (const line of readline.createInterface({ input: response })) {
        if (line !== '') yield JSON.parse(line) as unknown;
      }
    },
    async *postBytes(path, body) {
      const response = await request(socketPath, { method: 'POST', path, headers: undefined }, body);
      if (response.statusCode !== 200) await refusal(response);
      yield* response as AsyncIterable<Buffer>;
    },
  };
}

async function valueIn(response: http.IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return JSON.parse(text);
}

async function refusal(response: http.IncomingMessage): Promise<never> {
  throw new Error(`the daemon answered ${response.statusCode}: ${errorIn(await valueIn(response))}`);
}

function request(
  socketPath: string,
  { method, path, headers }: { method: string; path: string; headers: Headers | undefined },
  body?: unknown,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = http.request(
      { socketPath, method, path, headers: { 'content-type': 'application/json', ...headers } },
      resolve,
    );
    // A daemon that refuses a body before its end closes the connection, which is an error after the answer too.
    sent.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(error, socketPath)));
    sent.end(body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body));
  });
}

function unreachable(error: NodeJS.ErrnoException, socketPath: string): Error {
  if (error.code === 'EACCES') {
    return new DaemonUnreachable(
      `${socketPath} may not be opened by this user; run the command as its owner`,
    );
  }
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return new DaemonUnreachable(
      `no rcptgate answers on ${socketPath}; is the daemon running with this configuration?`,
    );
  }
  return error;
}

function errorIn(value: unknown): string {
  return typeof value === 'object' && value !== null && 'error' in value
    ? String(value.error)
    : 'no reason given';
}
