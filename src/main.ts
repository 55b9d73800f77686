#!/usr/bin/env node
/** The process: signals, arguments, exit code. */

// Before anything else: without a handler SIGHUP ends the process "successfully", and systemd would leave it down.
process.on('SIGHUP', () => undefined);
// And SIGUSR2, which logrotate may send at any moment, would end it with an error.
process.on('SIGUSR2', () => undefined);

// The mirror, the control socket and the practice tenant's keys are nobody else's business.
process.umask(0o027);

const { runCommand } = await import('./cli.ts');
process.exitCode = await runCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  terminal: process.stdout.isTTY === true,
  // Erases the line (ECMA-48 EL) and draws it anew, cut at the width so that it stays one line.
  ...(process.stderr.isTTY === true && {
    progress: (text: string) =>
      process.stderr.write(`\r\u001b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`),
  }),
});
