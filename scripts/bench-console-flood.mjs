/**
 * What bench-console throws at the console, from a process of its own: `node bench-console-flood.mjs`, forked, with one
 * order over the channel. It runs at the lowest priority, because whoever floods a console does it from another machine.
 */
import http from 'node:http';
import os from 'node:os';

const BOUNDARY = 'bench-console';
/** The console's own limit of an upload. */
const MOST_UPLOADED = 32 * 1024 * 1024;

process.once('message', async (order) => {
  if (order.kind === 'stand-in') return standIn();
  os.setPriority(0, 19);
  const { kind, url, cookie, csrf, tenant, seconds } = order;
  const until = performance.now() + seconds * 1000;
  const counts = {};
  const count = (what) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const visitor = { url, cookie, csrf, tenant };
  const run = kind === 'flood' ? flood : upload;
  await run(visitor, until, count);
  process.send(counts);
  process.disconnect();
});

/** A server that has nothing to do with the gateway and works as hard as the console, with the same priority. */
function standIn() {
  os.setPriority(0, 10);
  const server = http.createServer((request, response) => {
    if (request.method === 'POST') return takeUpload(request, response);
    const until = performance.now() + 1.5;
    while (performance.now() < until);
    response.end('x'.repeat(8000));
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.once('disconnect', () => process.exit());
}

/** Refuses what says or turns out to be too large, as the console does, and reads the rest. */
function takeUpload(request, response) {
  let size = Number(request.headers['content-length'] ?? 0);
  const refuse = () => response.writeHead(413, { connection: 'close' }).end();
  if (size > MOST_UPLOADED) return refuse();
  size = 0;
  request.on('data', (chunk) => {
    size += chunk.length;
    if (size > MOST_UPLOADED && !response.headersSent) refuse();
  });
  request.on('end', () => response.headersSent || response.writeHead(303).end());
}

/** 200 requests at a time: pages that ask the daemon, a search of everything, and strangers at the door. */
async function flood(visitor, until, count) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 200 });
  const paths = [
    '/status',
    '/recipients?q=zz',
    '/recipients/explain?address=x%40contoso.example',
    '/sign-in',
  ];
  const one = async (index) => {
    while (performance.now() < until) {
      const path = paths[index++ % paths.length];
      count(await ask(visitor, { agent, path }).catch(({ code }) => code));
    }
  };
  await Promise.all(Array.from({ length: 200 }, (_, index) => one(index)));
  agent.destroy();
}

/** Four uploads at a time, in turn: 100 MB that say so, 100 MB that do not, and 30 MB that are read. */
async function upload(visitor, until, count) {
  const sizes = [
    { size: 100, declared: true },
    { size: 100, declared: false },
    { size: 30, declared: true },
  ];
  const one = async (index) => {
    while (performance.now() < until) {
      const { size, declared } = sizes[index++ % sizes.length];
      const sent = { path: '/recipients/import/upload', megabytes: size, declared };
      const what = `${size} MB${declared ? '' : ', unsaid'}: ${await ask(visitor, sent).catch(({ code }) => code)}`;
      count(what);
    }
  };
  await Promise.all(Array.from({ length: 4 }, (_, index) => one(index)));
}

/** One request; its status. */
function ask({ url, cookie, csrf, tenant }, { agent, path, megabytes = 0, declared = false }) {
  return new Promise((resolve, reject) => {
    const head = part('csrf', csrf) + part('tenant', tenant) + partHead();
    const tail = `\r\n--${BOUNDARY}--\r\n`;
    const length = Buffer.byteLength(head) + megabytes * MEGABYTE.length + Buffer.byteLength(tail);
    const posted = {
      origin: new URL(url).origin,
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      ...(declared ? { 'content-length': length } : {}),
    };
    const request = http.request(new URL(path, url), {
      agent: agent ?? false,
      method: megabytes > 0 ? 'POST' : 'GET',
      headers: { cookie, ...(megabytes > 0 ? posted : {}) },
      timeout: 30_000,
    });
    let answered = false;
    request.on('response', (response) => {
      answered = true;
      response.resume().on('end', () => {
        resolve(response.statusCode);
        if (megabytes > 0) request.destroy();
      });
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error(), { code: 'timeout' })));
    request.on('error', (error) => answered || reject(error));
    request.on('close', () => resolve('closed'));
    if (megabytes === 0) request.end();
    else void send(request, head, megabytes, tail);
  });
}

const MEGABYTE = Buffer.from(
  `"PrimarySmtpAddress","RecipientTypeDetails"\n${'"somebody@contoso.example","PublicFolder"\n'.repeat(26_000)}`,
).subarray(0, 1024 * 1024);

async function send(request, head, megabytes, tail) {
  request.write(head);
  for (let sent = 0; sent < megabytes && !request.destroyed; sent++) {
    if (request.write(MEGABYTE)) continue;
    await new Promise((resolve) => {
      const go = () => {
        request.off('drain', go).off('close', go);
        resolve();
      };
      request.on('drain', go).on('close', go);
    });
  }
  if (!request.destroyed) request.end(tail);
}

function part(name, value) {
  return `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
}

function partHead() {
  return `--${BOUNDARY}\r\ncontent-disposition: form-data; name="list"; filename="r.csv"\r\ncontent-type: text/csv\r\n\r\n`;
}
