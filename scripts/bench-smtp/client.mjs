/** The load client of bench-smtp (load.c) started and read. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs one load to its end; what it did. `core`: the cores it may have, as taskset wants them. `urgent`: it goes before other
 * clients on its core.
 * @throws Error when a reply was not what it must be.
 */
export async function startLoad(load) {
  const { program, mode, port, connections, seconds, addressFile, core, extra = '', urgent = false } = load;
  const args = [mode, port, connections, seconds, addressFile, ...(extra === '' ? [] : [extra])].map(String);
  const nice = urgent ? ['nice', '-n', '-15'] : [];
  const child = spawn('taskset', ['-c', core, ...nice, program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await once(child, 'close');
  if (text === '') throw new Error(`${mode}: the load client failed`);
  const told = JSON.parse(text);
  if (told.wrong > 0) throw new Error(`${mode}: ${told.wrong} wrong replies`);
  return { ...told, clientCpu: told.cpu };
}
