/**
 * A listening socket that several threads accept from. Each thread needs a descriptor of its own, because closing one,
 * as the end of a thread does, takes the number away from the whole process. Node.js can duplicate a descriptor only by
 * sending it between processes, so a short-lived child sends it back as often as it is asked to.
 */
import { spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { getSystemErrorMap } from 'node:util';

/** A bound socket that nobody accepts from by holding it. */
export interface SharedSocket {
  readonly fd: number;
  address(): { readonly host: string; readonly port: number };
  /** Gives up this descriptor; the threads' own go on. */
  close(): void;
}

/** What Node.js makes of a descriptor. */
interface Handle {
  readonly fd: number;
  getsockname(out: { address?: string; port?: number }): number;
  close(): void;
}

type CreateHandle = (address: string | null, port: number, family: 4 | 6, fd?: number) => Handle | number;

/** Not documented, but what `cluster` itself binds with since 0.12: binding without accepting has no public name. */
const createHandle = (net as unknown as { _createServerHandle: CreateHandle })._createServerHandle;

/** Handles of duplicates. Their descriptors belong to the threads, so they are never closed here, and never collected. */
const given: Handle[] = [];

/**
 * Binds an address, or takes over an inherited descriptor.
 * @throws Error when the address cannot be used.
 */
export async function bindSocket(
  at: { readonly host: string; readonly port: number } | { readonly fd: number },
): Promise<SharedSocket> {
  const handle = 'fd' in at ? createHandle(null, 0, 4, at.fd) : await bindAddress(at.host, at.port);
  if (typeof handle === 'number') {
    const where = 'fd' in at ? `descriptor ${at.fd}` : `${at.host}:${at.port}`;
    const [name = '', message = ''] = getSystemErrorMap().get(handle) ?? [];
    throw new Error(`listen ${name}: ${message} ${where}`);
  }
  return {
    fd: handle.fd,
    address() {
      const name: { address?: string; port?: number } = {};
      handle.getsockname(name);
      return { host: name.address ?? '', port: name.port ?? 0 };
    },
    close: () => handle.close(),
  };
}

async function bindAddress(host: string, port: number): Promise<Handle | number> {
  const { address, family } = await lookup(host);
  return createHandle(address, port, family === 6 ? 6 : 4);
}

/** The child has this long, ms. */
const PATIENCE = 20_000;
const CHILD = new URL('./descriptor-child.js', import.meta.url);

/**
 * Duplicates each descriptor `copies` times.
 * @throws Error when the child cannot be started, or does not answer.
 */
export async function duplicate(fds: readonly number[], copies: number): Promise<number[][]> {
  const child = spawn(process.execPath, [CHILD.pathname, String(fds.length), String(copies)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...fds],
    timeout: PATIENCE,
  });
  const duplicates: number[][] = fds.map(() => []);
  child.on('message', (index: number, handle: unknown) => {
    const duplicated = handle as Handle;
    given.push(duplicated);
    duplicates[index]?.push(duplicated.fd);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0 || duplicates.some(({ length }) => length !== copies))
    throw new Error(`descriptors could not be duplicated (the child ended with ${code})`);
  return duplicates;
}
