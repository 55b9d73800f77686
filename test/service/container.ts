/** A small Debian with systemd as PID 1, booted for the tests: its own processes, files and network (loopback only). */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { SERVICE_ROOT } from '../interop/programs.ts';

export interface Output {
  readonly code: number;
  /** Standard output and error. */
  readonly text: string;
}

export interface Container extends AsyncDisposable {
  /** Its root folder, as seen from outside. */
  readonly root: string;
  /** Runs a shell command in it, and never throws for its exit status. */
  run(command: string, shell?: string): Promise<Output>;
  /** Starts a Node.js program of ours from outside in its network. */
  inNetwork(script: string, ...args: string[]): ChildProcess;
  /** Waits until a shell command succeeds. @throws Error when it does not within 60 s. */
  until(command: string): Promise<void>;
}

/** Whichever of these exists is a hierarchy of control groups. */
const HIERARCHIES = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup'];
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Boots it; resolves when systemd says that it runs. */
export async function bootContainer(): Promise<Container> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'box-'));
  execFileSync('tar', ['-C', root, '-xf', SERVICE_ROOT, '--exclude=./dev/*']);
  writeFileSync(path.join(root, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
  const group = `rcptgate-test-${process.pid}`;
  // A group of its own: systemd-nspawn moves the group of whoever starts it.
  const join = HIERARCHIES.map(
    (at) => `[ -w ${at}/cgroup.procs ] && mkdir -p ${at}/${group} && echo $$ >${at}/${group}/cgroup.procs`,
  ).join('; ');
  const nspawn = [
    '--boot',
    '--register=no',
    '--keep-unit',
    '--private-network',
    '--console=pipe',
    '--link-journal=no',
  ];
  const child = spawn('sh', ['-c', `${join}; exec systemd-nspawn -q -D "$0" ${nspawn.join(' ')}`, root], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' },
  });
  const leader = await leaderOf(child.pid ?? 0);
  const enter = (flags: string[]) => ['-t', String(leader), ...flags];
  const run = async (command: string, shell = 'sh'): Promise<Output> => {
    const inside = enter([
      '-m',
      '-u',
      '-i',
      '-n',
      '-p',
      '-C',
      '--',
      'env',
      '-i',
      `PATH=${PATH}`,
      shell,
      '-c',
      command,
    ]);
    const started = spawn('nsenter', inside, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [started.stdout, started.stderr])
      stream.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
    await once(started, 'close');
    return { code: started.exitCode ?? -1, text };
  };
  const until = async (command: string): Promise<void> => {
    const deadline = performance.now() + 60_000;
    let last = '';
    while (performance.now() < deadline) {
      const { code, text } = await run(command);
      if (code === 0) return;
      last = text;
      await wait(200);
    }
    throw new Error(`not within 60 s: ${command}\n${last}`);
  };
  await until('systemctl is-system-running | grep -qE "running|degraded"');
  return {
    root,
    run,
    until,
    inNetwork: (script, ...args) =>
      spawn('nsenter', enter(['-n', '--', process.execPath, script, ...args]), {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'close');
      // The end of PID 1 ends everything in there.
      process.kill(leader, 'SIGKILL');
      await ended;
      rmSync(root, { recursive: true, force: true });
      for (const at of HIERARCHIES) removeGroups(path.join(at, group));
    },
  };
}

/** PID 1 of the container, as its host counts: the descendant that is systemd. */
async function leaderOf(pid: number): Promise<number> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const systemd = descendants(pid).find((each) => nameOf(each) === 'systemd');
    if (systemd !== undefined) return systemd;
    await wait(100);
  }
  throw new Error('the container did not boot');
}

function descendants(pid: number): number[] {
  const children = processes().filter(({ parent }) => parent === pid);
  return children.flatMap(({ id }) => [id, ...descendants(id)]);
}

function processes(): Array<{ readonly id: number; readonly parent: number }> {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [{ id: Number(name), parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }];
      } catch {
        return [];
      }
    });
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The kernel removes a group once it is empty, the innermost first. */
function removeGroups(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) removeGroups(path.join(folder, entry.name));
    rmdirSync(folder);
  } catch {
    // Another hierarchy, or one that is still in use.
  }
}

/** Makes a folder and a file in the container. */
export function place(container: Container, file: string, text: string): void {
  const target = path.join(container.root, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}
