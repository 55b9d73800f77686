/**
 * The promise, tried at random: thousands of changes to a tenant, with faults, kill -9 and clock jumps in between.
 * After every settled round the directory is exactly the tenant's true set, and at no time does an address that
 * exists all along get anything but a yes. A failing seed is kept in SEEDS; RCPTGATE_SOAK_SEED=N tries one alone.
 */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { domainOf } from '../../src/core/address.ts';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';
import { type Random, seeded } from '../random.ts';
import { changeSomething, SECOND_DOMAIN } from './changes.ts';
import { changeWeather, clearUp } from './weather.ts';

const SEEDS = process.env.RCPTGATE_SOAK_SEED ? [Number(process.env.RCPTGATE_SOAK_SEED)] : [1, 4, 6];
const STEPS = 60;
const MOST_CHANGES = 25;
const ACCEPTED = new Set(['contoso.example', SECOND_DOMAIN]);

/** Debian's libfaketime: lets a test set the clock of the daemon alone. */
const FAKETIME = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find((file) => existsSync(file));

const JUMPS = ['+0', '+0', '+45m', '-45m', '+3h', '-3h', '+26h', '-26h', '+9d', '-9d'];

/** One run: a tenant, a daemon that is killed and started again, and what must hold all along. */
class Run {
  readonly random: Random;
  readonly tenant: PracticeTenant;
  readonly stateDir = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-soak-'));
  readonly clock = path.join(this.stateDir, 'clock');
  readonly story: string[] = [];
  /** Addresses ever seen. */
  readonly seen = new Set<string>();
  /** Addresses that existed at the last settled round and ever since. */
  continuous = new Set<string>();
  changes = 0;
  crashes = 0;
  daemon: Daemon | null = null;

  constructor(tenant: PracticeTenant, random: Random) {
    this.tenant = tenant;
    this.random = random;
  }

  async start(): Promise<void> {
    this.daemon = await startDaemon({
      tenant: this.tenant,
      mode: 'verify',
      stateDir: this.stateDir,
      // A round only when the script says so, so that a seed repeats.
      more: `[[domain]]\nname = "${SECOND_DOMAIN}"\n[guard]\nmax_removal_share = 100\nrecent_mail = "0s"\n[sync]\nschedule = "0 0 1 1 *"\nrequest_timeout = "3s"\n[directory]\ngrace_period = "0s"\n[lookup]\nrate = 1000\nburst = 10000`,
      env: FAKETIME
        ? {
            LD_PRELOAD: FAKETIME,
            FAKETIME_TIMESTAMP_FILE: this.clock,
            FAKETIME_NO_CACHE: '1',
            DONT_FAKE_MONOTONIC: '1',
          }
        : {},
    });
  }

  jump(): void {
    if (!FAKETIME) return;
    const to = this.random.pick(JUMPS);
    writeFileSync(this.clock, `${to}\n`);
    this.story.push(`clock ${to}`);
  }

  /** The tenant's true set, as far as it is in domains that the gateway answers for. */
  truth(): Set<string> {
    return new Set(
      [...this.tenant.directory.recipientAddresses()].filter((each) => ACCEPTED.has(domainOf(each))),
    );
  }

  change(): void {
    for (let count = this.random.below(MOST_CHANGES); count >= 0; count--) {
      this.story.push(changeSomething(this.tenant.directory, this.random));
      this.changes += 1;
      const truth = this.truth();
      for (const address of truth) this.seen.add(address);
      for (const address of this.continuous) if (!truth.has(address)) this.continuous.delete(address);
    }
  }

  /** A round that is killed in its middle, and the daemon started again. */
  async crash(): Promise<void> {
    const { daemon } = this;
    if (!daemon) return;
    this.crashes += 1;
    if (this.random.below(2) === 0) this.tenant.switches.expireDeltaTokens();
    const gate = this.tenant.switches.pauseAtPage(
      this.random.pick(['users', 'groups'] as const),
      1 + this.random.below(2),
    );
    const round = daemon.run('sync');
    await Promise.race([gate.reached, round]);
    await daemon.end('SIGKILL');
    await round;
    gate.release();
    this.story.push('kill -9');
    await this.start();
  }

  /** Fair weather, and rounds until one is complete. */
  async settle(): Promise<void> {
    clearUp(this.tenant.switches);
    for (let attempt = 0; attempt < 8; attempt++) {
      const { code, out } = (await this.daemon?.run('sync')) ?? { code: null, out: '' };
      if (code === 0) break;
      expect(attempt, `does not settle: ${out}\n${this.tail()}`).toBeLessThan(7);
    }
    const truth = this.truth();
    const codes = await this.codes([...this.seen]);
    const unlike = [...codes].filter(([address, code]) => code !== (truth.has(address) ? 250 : 550));
    const reasons = await this.reasons(unlike.map(([address]) => address));
    // With the clock set back behind its departure, an address is in its grace period again.
    const wrong = unlike.filter(([address]) => truth.has(address) || reasons.get(address) !== 'grace');
    expect(wrong, this.tail()).toEqual([]);
    this.continuous = truth;
  }

  /** What exists all along is accepted, whatever happens. */
  async stillAccepted(): Promise<void> {
    const codes = await this.codes([...this.continuous]);
    expect(
      [...codes].filter(([, code]) => code !== 250),
      this.tail(),
    ).toEqual([]);
  }

  /** The reply code of each address over one connection, pipelined. */
  async codes(addresses: readonly string[]): Promise<Map<string, number>> {
    await using client = await dialog(this.daemon?.port ?? 0);
    await client.ask('EHLO soak.example');
    const codes = new Map<string, number>();
    for (let from = 0; from < addresses.length; from += 200) {
      const batch = addresses.slice(from, from + 200);
      const lines = batch.map((address) => `RCPT TO:<${address}>\r\n`).join('');
      client.send(Buffer.from(`MAIL FROM:<> SMTPUTF8\r\n${lines}RSET\r\n`));
      expect(await client.reply()).toMatch(/^250/);
      for (const address of batch) codes.set(address, Number((await client.reply()).slice(0, 3)));
      await client.reply();
    }
    return codes;
  }

  async reasons(addresses: readonly string[]): Promise<Map<string, string>> {
    if (addresses.length === 0) return new Map();
    const { out } = (await this.daemon?.run('check', '--json', ...addresses)) ?? { out: '[]' };
    const checked = JSON.parse(out) as Array<{ address: string; reason: string }>;
    return new Map(checked.map(({ address, reason }) => [address, reason]));
  }

  tail(): string {
    return `after: ${this.story.slice(-60).join('; ')}`;
  }
}

describe('a year in the life of a tenant', () => {
  it('has a clock to turn', () => {
    if (process.env.RCPTGATE_INTEROP === 'required') expect(FAKETIME).toBeDefined();
    if (!FAKETIME) process.stdout.write('left out: libfaketime is not installed (soak: clock jumps)\n');
  });

  it.each(SEEDS)(
    'seed %i',
    async (seed) => {
      await using tenant = await startPracticeTenant({ seed, users: 40 });
      tenant.switches.rolesGranted.add('OrgContact.Read.All');
      tenant.directory.addDomain(SECOND_DOMAIN);
      const run = new Run(tenant, seeded(seed));
      writeFileSync(run.clock, '+0\n');
      for (const address of run.truth()) run.seen.add(address);
      try {
        await run.start();
        await run.settle();
        for (let step = 0; step < STEPS; step++) {
          run.change();
          run.story.push(changeWeather(tenant.switches, run.random));
          if (run.random.below(6) === 0) run.jump();
          if (run.random.below(8) === 0) await run.crash();
          else await run.daemon?.run('sync');
          await run.stillAccepted();
          if (run.random.below(3) === 0) await run.settle();
        }
        await run.settle();
        expect(run.changes).toBeGreaterThan(400);
        expect(run.crashes).toBeGreaterThan(1);
      } finally {
        await run.daemon?.end('SIGKILL');
      }
    },
    600_000,
  );
});
