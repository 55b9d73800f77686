/** What scripts measure of a process: CPU time of a process and everything below it, ports, medians. */

import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** Clock ticks of /proc are 10 ms on every Linux that Node runs on. */
const TICK = 0.01;

/** CPU seconds of a process, its living descendants, and those of its children that ended. */
export function treeCpu(root) {
  const processes = allProcesses();
  const ticks = descendants(root, processes).reduce((sum, pid) => sum + processes.get(pid).ticks, 0);
  return ticks * TICK;
}

/** A process and its living descendants. */
export function treeOf(root) {
  return descendants(root, allProcesses());
}

function allProcesses() {
  const processes = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1].split(' ');
      const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
      processes.set(Number(name), { parent: Number(fields[1]), ticks });
    } catch {
      // It ended meanwhile.
    }
  }
  return processes;
}

function descendants(root, processes) {
  return [...processes.keys()].filter((pid) => {
    let at = pid;
    while (at > 1 && at !== root) at = processes.get(at)?.parent ?? 0;
    return at === root;
  });
}

/** Resident bytes of one process. */
export function residentBytes(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
}

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits until a server greets. */
export async function listens(port) {
  for (let tries = 0; tries < 300; tries++) {
    const greeted = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.once('data', () => socket.destroy() && resolve(true));
      socket.once('error', () => resolve(false));
      socket.setTimeout(3000, () => socket.destroy() && resolve(false));
    });
    if (greeted) return;
    await wait(100);
  }
  throw new Error(`nothing greets on port ${port}`);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
