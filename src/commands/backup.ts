/** `rcptgate backup`: a copy of the mirror, made while the daemon works. */
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { type Daemon, type DaemonCommand, EXIT, type Terminal, usageError } from './command.ts';
import { count, printable } from './table.ts';

/** Writes the copy aside and renames it, so that FILE is a whole one or the one before; exit code 0 written. */
export const backup: DaemonCommand = async (daemon, args, terminal) => {
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0)
    return usageError(terminal, 'usage: rcptgate backup FILE [--with-secrets]');
  const secrets = args.options['with-secrets'] === true;
  const aside = `${file}.${process.pid}.tmp`;
  try {
    const sent = received(daemon, secrets, terminal);
    await pipeline(sent, createWriteStream(aside, { flags: 'wx', mode: 0o600 }));
    const bytes = await wholeLength(aside);
    await rename(aside, file);
    if (args.json) terminal.out(JSON.stringify({ file, bytes, secrets }));
    else terminal.out(doneText(file, bytes, secrets));
    return EXIT.ok;
  } finally {
    await rm(aside, { force: true });
  }
};

async function* received(daemon: Daemon, secrets: boolean, terminal: Terminal): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  terminal.progress?.('copying the mirror …');
  for await (const chunk of daemon.postBytes('/v1/backup', { secrets })) {
    bytes += chunk.length;
    terminal.progress?.(`${count(Math.round(bytes / 1024))} KiB`);
    yield chunk;
  }
  terminal.progress?.('');
}

/** The size that the file's own header names (SQLite file format, section 1.3). @throws Error when it is another. */
async function wholeLength(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(32), 0, 32, 0);
    const page = buffer.readUInt16BE(16) === 1 ? 65_536 : buffer.readUInt16BE(16);
    if (size < 512 || page * buffer.readUInt32BE(28) !== size) {
      throw new Error('the copy did not arrive whole; the daemon may have been stopped meanwhile');
    }
    return size;
  } finally {
    await file.close();
  }
}

function doneText(file: string, bytes: number, secrets: boolean): string {
  const without =
    'Credentials are not in it: after a restore those in files are read again, those from the console entered again.';
  const sealed =
    'Its credentials are sealed; they open only with the same master key (master.key), which is not in it.';
  return `${printable(file)}: ${count(bytes)} bytes. ${secrets ? sealed : without}`;
}
