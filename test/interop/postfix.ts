/** A Postfix of a test's own: its configuration, queue, data, log and mailboxes are one temporary folder. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../daemon.ts';
import { eventually } from './eventually.ts';
import { mustRun } from './run-program.ts';

export interface PostfixOptions {
  readonly hostname: string;
  /** Domains whose mail is put into the mailbox. */
  readonly mailboxFor: readonly string[];
  /** Further main.cf settings. */
  readonly main?: Readonly<Record<string, string>>;
}

/** One message in the queue. */
export interface Queued {
  readonly queue_name: string;
  readonly queue_id: string;
  readonly sender: string;
  readonly recipients: ReadonlyArray<{ readonly address: string; readonly delay_reason?: string }>;
}

export interface Postfix extends AsyncDisposable {
  /** Of its SMTP server on 127.0.0.1. */
  readonly port: number;
  /** Submits by sendmail(1). Returns once the message is in the queue. */
  submit(from: string, to: readonly string[], message: Buffer): Promise<void>;
  queue(): Promise<Queued[]>;
  /** Waits until the queue holds nothing. */
  emptied(): Promise<void>;
  /** Tries everything that is deferred now. */
  flush(): Promise<void>;
  /** Everything in the mailbox, in no order. */
  mailbox(): Buffer[];
  /** Lines of the mail log that match. */
  logged(pattern: RegExp): string[];
  /** Waits for a line of the mail log. */
  log(pattern: RegExp): Promise<string>;
  /** The lines that match, once there are `count` of them: Postfix writes its log a moment after it has answered. */
  lines(count: number, pattern: RegExp): Promise<string[]>;
}

/** virtual(8) delivers with the rights of a user that is nobody else. */
const MAILBOX_USER = 65_534;

const SERVICES = `
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;

/** Starts one; disposing stops it and removes its folder. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-postfix-'));
  // Postfix's own user works below it.
  chmodSync(folder, 0o755);
  const config = path.join(folder, 'config');
  const port = await freePort();
  mkdirSync(config);
  for (const name of ['queue', 'data', 'mail']) mkdirSync(path.join(folder, name));
  chownSync(path.join(folder, 'mail'), MAILBOX_USER, MAILBOX_USER);
  chownSync(path.join(folder, 'data'), Number(await mustRun('id', ['-u', 'postfix'])), 0);
  writeFileSync(path.join(config, 'main.cf'), mainCf(folder, options));
  // Postfix waits until main.cf has not been written to for two seconds.
  utimesSync(path.join(config, 'main.cf'), new Date(0), new Date(0));
  writeFileSync(path.join(config, 'master.cf'), `127.0.0.1:${port} inet n - n - - smtpd\n${SERVICES}`);
  await mustRun('postfix', ['-c', config, 'start']);
  return { port, ...handle(folder, config) };
}

function mainCf(folder: string, { hostname, mailboxFor, main }: PostfixOptions): string {
  const settings: Record<string, string> = {
    compatibility_level: '3.6',
    queue_directory: path.join(folder, 'queue'),
    data_directory: path.join(folder, 'data'),
    maillog_file: path.join(folder, 'maillog'),
    maillog_file_prefixes: folder,
    myhostname: hostname,
    mydestination: '',
    mynetworks: '127.0.0.0/8',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    alias_maps: '',
    local_recipient_maps: '',
    // No name is ever looked up outside: every address here is a literal.
    smtp_dns_support_level: 'disabled',
    smtp_host_lookup: 'native',
    smtpd_peername_lookup: 'no',
    smtp_tls_security_level: 'none',
    virtual_mailbox_domains: mailboxFor.join(', '),
    virtual_mailbox_base: path.join(folder, 'mail'),
    virtual_mailbox_maps: 'static:all/',
    virtual_uid_maps: `static:${MAILBOX_USER}`,
    virtual_gid_maps: `static:${MAILBOX_USER}`,
    message_size_limit: '52428800',
    virtual_mailbox_limit: '0',
    // What is deferred waits for the test's own flush.
    queue_run_delay: '1h',
    minimal_backoff_time: '1h',
    maximal_backoff_time: '2h',
    notify_classes: '',
    ...main,
  };
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');
}

function handle(folder: string, config: string): Omit<Postfix, 'port'> {
  const logged = (pattern: RegExp) => {
    const file = path.join(folder, 'maillog');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.filter((line) => pattern.test(line));
  };
  const queue = async () => {
    const lines = (await mustRun('postqueue', ['-c', config, '-j']))
      .split('\n')
      .filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Queued);
  };
  return {
    queue,
    logged,
    log: (pattern) => eventually(`mail log has ${pattern}`, () => logged(pattern)[0]),
    async lines(count, pattern) {
      await eventually(`mail log has ${count} x ${pattern}`, () => logged(pattern).length >= count);
      return logged(pattern);
    },
    async submit(from, to, message) {
      // -i: a lone dot is text.
      await mustRun('sendmail', ['-C', config, '-i', '-f', from, '-B', '8BITMIME', '--', ...to], message);
    },
    async emptied() {
      await eventually('queue is empty', async () => (await queue()).length === 0);
    },
    async flush() {
      await mustRun('postqueue', ['-c', config, '-f']);
    },
    mailbox() {
      const mails = path.join(folder, 'mail', 'all', 'new');
      return existsSync(mails) ? readdirSync(mails).map((name) => readFileSync(path.join(mails, name))) : [];
    },
    async [Symbol.asyncDispose]() {
      await mustRun('postfix', ['-c', config, 'stop']);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
