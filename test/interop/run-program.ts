/** Outside programs as child processes, run to their end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { programPath } from './programs.ts';

export interface Finished {
  readonly code: number | null;
  /** Both outputs, in the order they were written as far as that can be told. */
  readonly text: string;
}

/** Runs a program with `input` as its whole standard input. */
export async function runProgram(
  name: string,
  args: readonly string[],
  input: string | Buffer = '',
): Promise<Finished> {
  const child = spawn(programPath(name), args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
  }
  // A program that ends early breaks the pipe, and its exit code says more than that.
  child.stdin.on('error', () => undefined).end(input);
  await once(child, 'close');
  return { code: child.exitCode, text };
}

/** Runs a program that must succeed. */
export async function mustRun(
  name: string,
  args: readonly string[],
  input?: string | Buffer,
): Promise<string> {
  const { code, text } = await runProgram(name, args, input);
  if (code !== 0) throw new Error(`${name} ${args.join(' ')} ended with ${code}: ${text}`);
  return text;
}
