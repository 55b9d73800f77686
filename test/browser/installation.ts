/** A gateway with its console, a practice tenant with the console's redirect URIs, and a next hop; nothing set up yet. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { type PracticeNextHop, startPracticeNextHop } from '../../src/practice/next-hop.ts';
import {
  type PracticeOptions,
  type PracticeTenant,
  startPracticeTenant,
} from '../../src/practice/tenant-server.ts';
import { type Daemon, freePort, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

export interface Installation extends AsyncDisposable {
  readonly tenant: PracticeTenant;
  readonly hop: PracticeNextHop;
  readonly daemon: Daemon;
  /** Messages that the next hop took so far. */
  readonly delivered: number;
  /** `http://localhost:PORT`. */
  readonly url: string;
  /** A one-time link, as the command prints it. */
  link(): Promise<string>;
  /** The reply to one RCPT TO. */
  rcpt(address: string): Promise<string>;
}

export interface InstallationOptions extends PracticeOptions {
  /** The credential is in the file, so that there is nothing to set up. */
  readonly inFile?: boolean;
  /** Id of a second tenant, of fabrikam.example, that is not set up. */
  readonly second?: string;
}

/** Starts all three; the console answers. */
export async function startInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const { inFile = false, second, ...practice } = options;
  const registration = inFile ? 'consented' : 'unconsented';
  const tenant = await startPracticeTenant({ registration, ...practice });
  let delivered = 0;
  const hop = await startPracticeNextHop({
    onMessage: () => {
      delivered++;
    },
  });
  const consolePort = await freePort();
  const url = `http://localhost:${consolePort}`;
  for (const end of ['callback', 'consent']) tenant.application.addRedirectUri(`${url}/oauth/${end}`);
  const stateDir = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-'));
  const daemon = await startDaemon({
    tenant,
    stateDir,
    nextHop: `127.0.0.1:${hop.port}`,
    setUpInConsole: !inFile,
    ...(second && { domain: `tenant = "${tenant.tenantId}"`, more: tenantOf(second, tenant) }),
    // So that each window comes from an address of its own, with sign-in attempts of its own.
    console: `listen = "127.0.0.1:${consolePort}"\ntrusted_proxies = ["127.0.0.1"]`,
  });
  await daemon.logged(({ event }) => event === 'console.listen');
  return {
    tenant,
    hop,
    daemon,
    get delivered() {
      return delivered;
    },
    url,
    async link() {
      const { code, out, err } = await daemon.run('console-link');
      if (code !== 0) throw new Error(err);
      return out.trim();
    },
    async rcpt(address) {
      await using client = await dialog(daemon.port);
      await client.ask('EHLO sender.example');
      await client.ask('MAIL FROM:<sender@sender.example>');
      return await client.ask(`RCPT TO:<${address}>`);
    },
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await hop[Symbol.asyncDispose]();
      await tenant.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

function tenantOf(id: string, { login, graph }: PracticeTenant): string {
  const urls = `login = "${login}"\ngraph = "${graph}"`;
  return `[[tenant]]\nid = "${id}"\n${urls}\n[[domain]]\nname = "fabrikam.example"\ntenant = "${id}"\nnext_hop = "127.0.0.1:1"`;
}

/** What the daemon logged of an event, after `from` lines. */
export function eventsOf(daemon: Daemon, event: string): ReadonlyArray<Readonly<Record<string, unknown>>> {
  return daemon.log.filter((line) => line.event === event);
}

/** The text of the page's content, for looking into. */
export async function contentOf(page: Page): Promise<string> {
  return (await page.locator('main').innerText()).replace(/\s+/g, ' ');
}
