/**
 * The gaps of `smtp-server`, each with the test that keeps it closed: the table in src/smtp/README.md is held to the code and
 * to the tests, and those that have no better place are here.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SessionClock } from '../../src/smtp/session-clock.ts';
import { openGateway, openRelaying } from './gateway.ts';
import { ScriptedHop } from './scripted-hop.ts';

function read(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
}

const ROWS = [
  ...read('src/smtp/README.md').matchAll(/^\| (\d+) \| (.+?) \| (.+?) \| (\w+): (.+?) \|$/gm),
].map(([, number = '', gap = '', files = '', test = '', title = '']) => ({
  number,
  gap,
  files,
  test,
  title,
}));

describe('the table of gaps', () => {
  it('has every one of them', () => {
    expect(ROWS.map(({ number }) => Number(number))).toEqual(Array.from({ length: 26 }, (_, n) => n + 1));
  });

  it.each(ROWS)(
    '$number, $gap: is named where it is closed, and has a test',
    ({ number, files, test, title }) => {
      const named = new RegExp(`[Gg]aps? [^.]*\\b${number}\\b|\\(${number}\\)`);
      for (const [, file = ''] of files.matchAll(/`([^`]+)`/g))
        expect(read(`src/smtp/${file}`)).toMatch(named);
      expect(read(`test/smtp/${test}.test.ts`)).toContain(title);
    },
  );
});

/** The least of a few times, ms: what is left is not the machine's. */
async function least(times: number, run: () => Promise<void>): Promise<number> {
  const seen: number[] = [];
  for (let index = 0; index < times; index += 1) {
    const started = performance.now();
    await run();
    seen.push(performance.now() - started);
  }
  return Math.min(...seen);
}

it('greets at once where nobody has to wait (1)', async () => {
  const gateway = await openGateway();
  const waited = await least(5, async () => (await gateway.dialog()).close());
  expect(waited).toBeLessThan(60);
});

describe('the clock of a session', () => {
  function clock() {
    const told: string[] = [];
    const owner = { answering: false, idle: () => told.push('idle'), over: () => told.push('over') };
    return { told, owner, clock: new SessionClock(owner) };
  }
  const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  it('goes on once, however often it is called (13)', () => {
    let went = 0;
    const done = clock().clock.owe(() => {
      went += 1;
    });
    done();
    done();
    expect(went).toBe(1);
  });

  it('waits for what is owed, and ends the session then (12)', async () => {
    const { told, clock: own } = clock();
    own.start(60, 30);
    const done = own.owe(() => undefined);
    await pass(100);
    expect(told).toEqual([]);
    done();
    expect(told).toEqual(['over']);
    own.stop();
  });

  it('gives no time for what is no progress, and all of it for what is (11)', async () => {
    for (const progress of [false, true]) {
      const { told, clock: own } = clock();
      own.start(10_000, 600);
      for (let step = 0; step < 6; step += 1) {
        await pass(150);
        own.owe(() => undefined, progress)();
      }
      expect(told).toEqual(progress ? [] : ['idle']);
      own.stop();
    }
  });
});

it('a fault of ours is a 451, and the session goes on (14)', async () => {
  const hop = await ScriptedHop.start();
  let broken = true;
  const nextHops = () => {
    if (broken) throw new Error('broken');
    return [];
  };
  const gateway = await openRelaying(hop.name, {}, {}, { nextHops });
  const client = await gateway.dialog();
  expect(await client.ask('EHLO c.example')).toBe('451 4.3.0 Internal error, try again later [ref 7F3K2Q]');
  broken = false;
  expect(await client.ask('EHLO c.example')).toMatch(/^250/);
  expect(gateway.events.troubles).toMatchObject([{ stage: 'session' }]);
});

it('reads a message of dots as fast as any (18)', async () => {
  const hop = await ScriptedHop.start();
  const gateway = await openRelaying(hop.name);
  const lines = 500_000;
  const relay = async (line: string): Promise<void> => {
    const client = await gateway.greeted();
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known@b.example>', 'DATA');
    await client.push(Buffer.from(line.repeat(lines)));
    expect(await client.ask('.')).toMatch(/^250/);
    client.close();
  };
  const dots = await least(2, () => relay('..\r\n'));
  expect(hop.delivered[0]?.wire.length).toBeGreaterThan(lines * 4);
  // The package needs six seconds for these two megabytes on a quiet machine.
  expect(dots).toBeLessThan(3000);
});
