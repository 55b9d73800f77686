/**
 * The outside programs these tests need. A test whose program is missing is left out and says so, because `npm test`
 * must work everywhere; with RCPTGATE_INTEROP=required, as `.ci/run` sets it, it fails instead.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';

/** What a test can need. */
export type Need =
  | 'mount'
  | 'systemd'
  | 'systemd-analyze'
  | 'man'
  | 'Postfix'
  | 'swaks'
  | 'Exim'
  | 'Chromium'
  | 'openssl'
  | 'sslscan'
  | 'haproxy'
  | 'promtool'
  | 'fail2ban-regex'
  | 'logrotate'
  | 'msmtp';

/** Where `.ci/exim-root DIR` put Exim: RCPTGATE_EXIM_ROOT, or a folder that git ignores. */
export const EXIM_ROOT =
  process.env.RCPTGATE_EXIM_ROOT ??
  fileURLToPath(new URL('../../node_modules/.cache/rcptgate/exim', import.meta.url));

/**
 * Where `.ci/service-root FILE` packed a Debian with systemd: RCPTGATE_SERVICE_ROOT, or a file that git ignores. Its number goes
 * up when what is packed changes, so that an older one is not taken for it.
 */
export const SERVICE_ROOT =
  process.env.RCPTGATE_SERVICE_ROOT ??
  fileURLToPath(new URL('../../node_modules/.cache/rcptgate/service-root-2.tar', import.meta.url));

const REQUIRED = process.env.RCPTGATE_INTEROP === 'required';
/** Daemons live where the PATH of an ordinary user does not reach. */
const FOLDERS = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** A `describe` of tests that need outside programs; `url` is the test file's own. */
export function interop(url: string, needs: readonly Need[], title: string, body: () => void): void {
  const missing = needs.map(whyMissing).filter((why) => why !== null);
  if (missing.length === 0) {
    describe(title, body);
    return;
  }
  const why = missing.join(' and ');
  if (REQUIRED) {
    test(title, () => {
      throw new Error(`RCPTGATE_INTEROP=required, but ${why}`);
    });
    return;
  }
  const file = fileURLToPath(url).split(path.sep).slice(-2).join('/');
  process.stdout.write(`left out: ${why} (${file}: ${title})\n`);
  describe.skip(`${title} (left out: ${why})`, body);
}

/** Full path of a program. @throws Error when it is not installed. */
export function programPath(name: string): string {
  const found = find(name);
  if (found === null) throw new Error(`${name} is not installed`);
  return found;
}

function whyMissing(need: Need): string | null {
  if (need === 'systemd') return whyNoContainer();
  if (need === 'mount') return whyNoRoot('mounting a file system');
  if (need !== 'Postfix' && need !== 'Exim')
    return find(need === 'Chromium' ? 'chromium' : need) === null ? `${need} is not installed` : null;
  const installed = need === 'Postfix' ? find('postfix') !== null : eximIsThere();
  if (!installed)
    return need === 'Exim' ? 'Exim has no folder here (.ci/exim-root)' : 'Postfix is not installed';
  return whyNoRoot(need);
}

function whyNoContainer(): string | null {
  if (find('systemd-nspawn') === null) return 'systemd-nspawn is not installed';
  if (!existsSync(SERVICE_ROOT)) return 'there is no Debian to boot (.ci/service-root)';
  return whyNoRoot('systemd-nspawn');
}

function whyNoRoot(what: string): string | null {
  return process.getuid?.() === 0 ? null : `${what} needs root`;
}

function eximIsThere(): boolean {
  return existsSync(path.join(EXIM_ROOT, '.complete'));
}

function find(name: string): string | null {
  return FOLDERS.map((folder) => path.join(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
