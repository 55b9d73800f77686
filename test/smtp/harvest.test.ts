/** The harvest guard in dialogs: 421 and close at the limit, across connections, by the real client, and counts that add up. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { bareVerdict, type Verdict } from '../../src/core/verdict.ts';
import { type HarvestGuard, openHarvestGuard, type RefusalReport } from '../../src/smtp/harvest-guard.ts';
import type { ListenerOptions } from '../../src/smtp/listener.ts';
import type { Dialog } from './dialog.ts';
import { type Gateway, openGateway, openRelaying } from './gateway.ts';
import { ScriptedHop } from './scripted-hop.ts';

const LIMITS = { limit: 3, window: 600_000, deny: 3_600_000 };
const TOO_MANY = '421 4.7.0 Too many unknown recipients, try again later [ref 7F3K2Q]';

interface Stage extends Gateway {
  readonly guard: HarvestGuard;
  readonly clock: { now: number };
  readonly told: string[];
  readonly reports: RefusalReport[];
}

async function stage(
  options: Partial<ListenerOptions> = {},
  lookup: ((verdict: Verdict) => Verdict | Promise<Verdict>) | null = null,
  limits = LIMITS,
): Promise<Stage> {
  const clock = { now: 1_000_000 };
  const told: string[] = [];
  const reports: RefusalReport[] = [];
  const guard = openHarvestGuard(
    limits,
    {
      denied: (client, guesses) => told.push(`denied ${client} ${guesses}`),
      refused: (report) => reports.push(report),
      over: (client, refused, reset) => told.push(`over ${client} ${refused}${reset ? ' reset' : ''}`),
    },
    () => clock.now,
  );
  onTestFinished(() => guard[Symbol.dispose]());
  const edge = {
    harvest: guard,
    ...(lookup ? { lookup: (_: unknown, verdict: Verdict) => lookup(verdict) } : {}),
  };
  return { ...(await openGateway(options, edge)), guard, clock, told, reports };
}

/** Asks for so many people, and returns the replies until the connection ends. */
async function ask(dialog: Dialog, names: readonly string[]): Promise<string[]> {
  await dialog.askAll('EHLO c.example', 'MAIL FROM:<>');
  dialog.send(names.map((name) => `RCPT TO:<${name}@b.example>\r\n`).join(''));
  const replies: string[] = [];
  for (const _ of names) {
    const reply = await dialog.reply();
    if (reply === '') break;
    replies.push(reply.startsWith('421') ? reply : reply.slice(0, 9));
  }
  return replies;
}

function guesses(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, n) => `guess${from + n}`);
}

describe('a client that guesses', () => {
  it('hears 421 at the guess past the limit, and nothing else afterwards', async () => {
    const gateway = await stage();
    const dialog = await gateway.dialog();
    expect(await ask(dialog, guesses(10))).toEqual(['550 5.1.1', '550 5.1.1', '550 5.1.1', TOO_MANY]);
    expect(await dialog.rest()).toBe('');
    expect(gateway.events.recipients.map(({ verdict }) => verdict.reason)).toEqual([
      'unknown',
      'unknown',
      'unknown',
      'harvest-limit',
    ]);
    expect(gateway.events.recipients.at(-1)?.verdict.action).toBe('defer');
    expect(gateway.told).toEqual(['denied 127.0.0.1 4']);
    for (let index = 0; index < 5; index += 1) {
      expect(await (await gateway.dialog(false)).reply()).toBe(TOO_MANY);
    }
    expect(gateway.events.refusals).toEqual([]);
    expect(await ask(await gateway.dialog(true, '127.0.0.2'), ['known1', 'guess1'])).toEqual([
      '250 2.1.5',
      '550 5.1.1',
    ]);
  });

  it('is counted over connections, and a repeated address counts once', async () => {
    const gateway = await stage();
    for (let index = 0; index < 5; index += 1) {
      expect(await ask(await gateway.dialog(), ['guess1', 'guess2', 'known1', 'guess2'])).toEqual([
        '550 5.1.1',
        '550 5.1.1',
        '250 2.1.5',
        '550 5.1.1',
      ]);
    }
    expect(await ask(await gateway.dialog(), ['guess3', 'guess4'])).toEqual(['550 5.1.1', TOO_MANY]);
  });

  it('is turned away at its next recipient in a session that was open before, known ones too', async () => {
    const gateway = await stage();
    const open = await gateway.greeted();
    await open.ask('MAIL FROM:<>');
    await ask(await gateway.dialog(), guesses(4));
    expect(await open.ask('RCPT TO:<known1@b.example>')).toBe(TOO_MANY);
    expect(await open.rest()).toBe('');
  });

  it('may ask again when its time is over, or when it was reset', async () => {
    const gateway = await stage();
    await ask(await gateway.dialog(), guesses(4));
    gateway.clock.now += LIMITS.deny - 1;
    expect(await (await gateway.dialog(false)).reply()).toBe(TOO_MANY);
    gateway.clock.now += 1;
    expect(await ask(await gateway.dialog(), guesses(4, 10))).toEqual([
      '550 5.1.1',
      '550 5.1.1',
      '550 5.1.1',
      TOO_MANY,
    ]);
    expect(gateway.guard.reset('127.0.0.1')).toEqual(['127.0.0.1']);
    expect(await ask(await gateway.dialog(), ['guess20'])).toEqual(['550 5.1.1']);
    expect(gateway.told.at(-1)).toBe('over 127.0.0.1 0 reset');
  });

  it('makes no lookup once it is denied, and what could not be told is not held against it', async () => {
    let asked = 0;
    const answers: Array<Verdict['reason']> = ['lookup-timeout', 'lookup-failed', 'lookup-over-budget'];
    const gateway = await stage({}, (verdict) => {
      asked += 1;
      const reason = answers[asked - 1];
      return reason === undefined ? Promise.resolve(verdict) : { ...bareVerdict(reason), key: verdict.key };
    });
    expect(await ask(await gateway.dialog(), guesses(20))).toEqual([
      ...Array(3).fill('451 4.4.3'),
      ...Array(3).fill('550 5.1.1'),
      TOO_MANY,
    ]);
    expect(asked).toBe(7);
  });

  it.each([
    ['trusted', { trusted: ['127.0.0.1'] }],
    ['a relay that may name clients and named none', { xclient: ['127.0.0.0/8'] }],
  ])('is exempt when it is %s', async (_what, lists) => {
    const access = { proxies: [], xclient: [], trusted: [], allow: [], ...lists };
    const gateway = await stage({ access });
    expect(await ask(await gateway.dialog(), guesses(20))).toEqual(Array(20).fill('550 5.1.1'));
    expect(gateway.guard.state()).toMatchObject({ clients: 0, guesses: 0, denied: [] });
  });

  it('is the one behind the proxy', async () => {
    const gateway = await stage({ access: { proxies: ['127.0.0.1'], xclient: [], trusted: [], allow: [] } });
    const from = async (address: string): Promise<Dialog> => {
      const dialog = await gateway.dialog(false);
      dialog.send(`PROXY TCP6 ${address} ::1 1 25\r\n`);
      return dialog;
    };
    const first = await from('2001:db8::1');
    await first.reply();
    expect((await ask(first, guesses(4))).at(-1)).toBe(TOO_MANY);
    // Another address of the same /64 is the same client, one of the next is not.
    expect(await (await from('2001:db8::2')).reply()).toBe(TOO_MANY);
    expect(await (await from('2001:db8:0:1::1')).reply()).toMatch(/^220/);
  });

  it('is the one that a relay names by XCLIENT', async () => {
    const gateway = await stage({ access: { proxies: [], xclient: ['127.0.0.1'], trusted: [], allow: [] } });
    const relay = await gateway.greeted();
    await relay.ask('XCLIENT ADDR=192.0.2.7');
    expect((await ask(relay, guesses(4))).at(-1)).toBe(TOO_MANY);
    const other = await gateway.greeted();
    expect(await other.ask('XCLIENT ADDR=192.0.2.8')).toMatch(/^220/);
    expect(await other.ask('XCLIENT ADDR=192.0.2.7')).toBe(TOO_MANY);
  });
});

describe('in relay mode', () => {
  it('421 comes behind the answers of the next hop that are due, and once', async () => {
    const hop = await ScriptedHop.start();
    const { guard, reports } = await stage({}, null, { ...LIMITS, limit: 1 });
    const gateway = await openRelaying(hop.name, {}, {}, { harvest: guard });
    const names = ['known1', 'guess1', 'known2', 'guess2', 'known3', 'guess3', 'known4'];
    expect(await ask(await gateway.dialog(), names)).toEqual([
      '250 2.1.5',
      '550 5.1.1',
      '250 2.1.5',
      TOO_MANY,
    ]);
    guard[Symbol.dispose]();
    // Nobody was turned away without being told so.
    expect(reports).toEqual([]);
    expect(hop.delivered).toEqual([]);
  });
});

describe('the reports of the guard', () => {
  it('add up to every 421 that was said, and end with the denial', async () => {
    const gateway = await stage({ maxConnections: 1000 });
    await ask(await gateway.dialog(), guesses(4));
    await ask(await gateway.dialog(true, '127.0.0.2'), guesses(4));
    for (let index = 0; index < 30; index += 1) await (await gateway.dialog(false)).reply();
    for (let index = 0; index < 12; index += 1) await (await gateway.dialog(false, '127.0.0.2')).reply();
    expect(gateway.guard.state().denied).toMatchObject([
      { client: '127.0.0.1', refused: 30 },
      { client: '127.0.0.2', refused: 12 },
    ]);
    gateway.clock.now += LIMITS.deny;
    gateway.guard[Symbol.dispose]();
    expect(gateway.reports).toEqual([
      {
        refused: 42,
        clients: 2,
        top: [
          ['127.0.0.1', 30],
          ['127.0.0.2', 12],
        ],
      },
    ]);
    expect(gateway.told.slice(2)).toEqual(['over 127.0.0.1 30', 'over 127.0.0.2 12']);
  });

  it('say when the guard is off', async () => {
    const gateway = await stage({}, null, { ...LIMITS, limit: 0 });
    expect(await ask(await gateway.dialog(), guesses(50))).toEqual(Array(50).fill('550 5.1.1'));
    expect(gateway.guard.state()).toMatchObject({ limit: 0, guesses: 0 });
  });
});

it('nobody is watched for domains that are not ours, malformed addresses or the operator’s own word', async () => {
  const reasons = ['not-our-domain', 'override-deny', 'directory-stale', 'observed-unknown'] as const;
  for (const reason of reasons) {
    const { guard } = await stage();
    const gateway = await openGateway({}, { harvest: guard, check: ({ key }) => bareVerdict(reason, key) });
    const replies = await ask(await gateway.dialog(), guesses(8));
    expect(replies).toHaveLength(8);
    expect(guard.state().guesses).toBe(0);
  }
});
