/** What the chapters of the story in service.test.ts share: the container, its tenant, its configuration, and clients. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Container, place } from './container.ts';

/** What tenant.mjs prints. */
export interface Tenant {
  readonly tenantId: string;
  readonly applicationId: string;
  readonly secret: string;
  readonly caPem: string;
  readonly login: string;
  readonly graph: string;
  readonly nextHop: number;
}

/** What a chapter's configuration has besides the common one; lines of TOML. */
export interface Extra {
  readonly caFile?: string;
  readonly smtp?: string;
  readonly more?: string;
}

export interface Scene {
  readonly box: Container;
  readonly tenant: Tenant;
}

/** A file beside this one. */
export const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export async function firstLine(child: ChildProcess): Promise<string> {
  for await (const line of readline.createInterface({ input: child.stdout as NodeJS.ReadableStream }))
    return line;
  return '';
}

/** The code block of the README that begins like this. @throws Error when there is none, or more than one. */
export function fromReadme(kind: 'sh' | 'ini', beginning: string): string {
  const readme = readFileSync(here('../../README.md'), 'utf8').replaceAll('\n  ', '\n');
  const blocks = [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/g)]
    .filter(([, language, block]) => language === kind && block?.startsWith(beginning))
    .map(([, , block = '']) => block);
  if (blocks.length !== 1) throw new Error(`${blocks.length} blocks of the README begin with ${beginning}`);
  return blocks[0] ?? '';
}

/** Writes /etc/rcptgate/rcptgate.toml; somebody has to reload. */
export function configure({ box, tenant }: Scene, policy: string, extra: Extra = {}): void {
  const toml = `ca_file = "${extra.caFile ?? '/etc/rcptgate/ca.pem'}"
[[smtp]]
listen = "systemd:smtp"
mode = "verify"
${extra.smtp ?? ''}
[[door]]
protocol = "socketmap"
listen = "systemd:socketmap"
[[tenant]]
id = "${tenant.tenantId}"
application_id = "${tenant.applicationId}"
secret_file = "credential:rcptgate.client-secret"
login = "${tenant.login}"
graph = "${tenant.graph}"
[[domain]]
name = "contoso.example"
policy = "${policy}"
${extra.more ?? ''}
`;
  place(box, 'etc/rcptgate/rcptgate.toml', toml);
}

/** The directory is fresh, so a stranger is refused. */
export function ready({ box }: Scene): Promise<void> {
  return box.until('rcptgate status');
}

/** Restarts the service, with what was configured. */
export async function restart(scene: Scene): Promise<void> {
  const { code, text } = await scene.box.run('systemctl restart rcptgate.service');
  if (code !== 0) throw new Error(text);
  await ready(scene);
}

/** The code that RCPT TO gets, by one session. */
export async function rcpt(scene: Scene, address: string, port = 25): Promise<string> {
  const seen = await underLoad(scene, async () => undefined, { address, port });
  return Object.keys(seen).join();
}

/** Runs `act` while four clients ask; how often each answer came. */
export async function underLoad(
  { box }: Scene,
  act: () => Promise<unknown>,
  { address = 'alice@contoso.example', port = 25 } = {},
): Promise<Record<string, number>> {
  const load = box.inNetwork(here('load.mjs'), String(port), address);
  try {
    await act();
  } finally {
    load.stdin?.end();
  }
  return JSON.parse(await firstLine(load)) as Record<string, number>;
}
