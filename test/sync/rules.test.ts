/** The pure decisions of a round, and taking turns. */
import { describe, expect, test } from 'vitest';
import type { RecipientPatch } from '../../src/core/recipient.ts';
import { openPatiently } from '../../src/sync/opening.ts';
import {
  cursorFor,
  implausible,
  mustWait,
  NOTHING_READ,
  notBeforeAfter,
  type RoundFailure,
  type StreamState,
  streamsFor,
  tallyPage,
} from '../../src/sync/rules.ts';
import { startSchedule } from '../../src/sync/schedule.ts';
import { takeTurns } from '../../src/sync/turns.ts';

const NOON = Date.UTC(2026, 0, 10, 12);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('the cursor to read from', () => {
  const state = (over: Partial<StreamState> = {}): StreamState => ({
    stream: 'users',
    cursor: 'c',
    selectHash: 'h',
    fullAt: NOON - HOUR,
    error: null,
    ...over,
  });
  test.each([
    ['the stored one', state(), 'c'],
    ['none for a new stream', undefined, null],
    ['none without one', state({ cursor: null }), null],
    ['none when other properties are wanted', state({ selectHash: 'other' }), null],
    ['none a day after the last full read', state({ fullAt: NOON - DAY }), null],
    ['the stored one while full reads fail', state({ fullAt: NOON - DAY, error: '{}' }), 'c'],
    ['the stored one after the clock was set back a little', state({ fullAt: NOON + HOUR }), 'c'],
    ['none after the clock was set back by days', state({ fullAt: NOON + 2 * DAY }), null],
  ])('is %s', (_name, stored, cursor) => {
    expect(cursorFor(stored, 'h', NOON, DAY)).toBe(cursor);
  });
});

describe('a full read that cannot be the whole truth', () => {
  const user = (facts: RecipientPatch['facts']): RecipientPatch => ({ id: 'x', facts });
  const tally = (...patches: RecipientPatch[]) => tallyPage(NOTHING_READ, patches);
  const addressed = { proxyAddresses: [] };
  test.each([
    ['no user at all', 'users', tally(), 'no-users'],
    ['only removals', 'users', tally({ id: 'x', removed: 'changed', facts: {} }), 'no-users'],
    ['users without addresses', 'users', tally(user({}), user({ mail: 'a@b' })), 'no-addresses'],
    ['one user with addresses', 'users', tally(user({}), user(addressed)), null],
    ['no group', 'groups', tally(), null],
    ['plain security groups', 'groups', tally(user({ mailEnabled: false })), null],
    ['mail groups without addresses', 'groups', tally(user({ mailEnabled: true })), 'no-addresses'],
    ['contacts without addresses', 'contacts', tally(user({})), null],
  ] as const)('%s', (_name, stream, seen, code) => {
    expect(implausible(stream, seen)?.code ?? null).toBe(code);
  });
});

describe('when to come again', () => {
  const failure = (kind: string, retryAfter: number | null): RoundFailure => ({
    kind,
    retryAfter,
    code: 'c',
    message: 'm',
    hint: '',
  });
  test.each([
    ['at the next round', [failure('network', null)], null],
    ['after what was asked', [failure('throttled', 90_000)], NOON + 90_000],
    ['a minute after an unclear answer', [failure('throttled', null)], NOON + 60_000],
    ['after the longest of them', [failure('server', 5000), failure('throttled', 20_000)], NOON + 20_000],
    ['within the hour', [failure('throttled', DAY)], NOON + HOUR],
    ['at the next round, after success', [], null],
  ])('%s', (_name, failures, moment) => {
    expect(notBeforeAfter(failures, NOON)).toBe(moment);
  });

  test.each([
    [null, NOON, false],
    [NOON + 1, NOON, true],
    [NOON, NOON, false],
    [NOON + DAY, NOON, false],
  ])('not before %s, at %s: waiting is %s', (notBefore, now, wait) => {
    expect(mustWait(notBefore, now)).toBe(wait);
  });
});

test('contacts are a stream when the token may read them', () => {
  expect(streamsFor(['User.Read.All'])).toEqual(['users', 'groups']);
  expect(streamsFor(['OrgContact.Read.All'])).toEqual(['users', 'groups', 'contacts']);
});

describe('turns', () => {
  /** Runs that end when they are told to. */
  function runs() {
    const ends: Array<() => void> = [];
    const turns = takeTurns(async (key: string) => {
      const number = ends.length;
      await new Promise<void>((resolve) => ends.push(resolve));
      return `${key}${number}`;
    });
    return { ends, turns };
  }

  test('joining shares the running round; a fresh one starts after it, and is shared too', async () => {
    const { ends, turns } = runs();
    const first = turns.join('a');
    const joined = turns.join('a');
    const fresh = turns.fresh('a');
    const alsoFresh = turns.fresh('a');
    expect(ends).toHaveLength(1);
    ends[0]?.();
    expect(await Promise.all([first, joined])).toEqual(['a0', 'a0']);
    await Promise.resolve();
    await expect.poll(() => ends.length).toBe(2);
    ends[1]?.();
    expect(await Promise.all([fresh, alsoFresh])).toEqual(['a1', 'a1']);
    await turns.idle();
  });

  test('tenants do not wait for one another', async () => {
    const { ends, turns } = runs();
    const slow = turns.join('slow');
    const other = turns.fresh('b');
    ends[1]?.();
    expect(await other).toBe('b1');
    ends[0]?.();
    expect(await slow).toBe('slow0');
  });
});

describe('the schedule', () => {
  test('runs at once, says when next, and tells what went wrong', async () => {
    const told: string[] = [];
    let started = 0;
    const run = async (): Promise<void> => {
      started += 1;
      throw new Error('no');
    };
    const schedule = startSchedule('*/5 * * * *', run, (message) => told.push(message));
    await expect.poll(() => told).toEqual(['no']);
    expect(started).toBe(1);
    const next = schedule.nextRun() ?? 0;
    expect(next - Date.now()).toBeLessThanOrEqual(300_000);
    expect(new Date(next).getUTCMinutes() % 5).toBe(0);
    schedule.stop();
  });

  test('does not start with an expression that is none', () => {
    expect(() =>
      startSchedule(
        'every now and then',
        async () => {},
        () => {},
      ),
    ).toThrow();
  });
});

test('what cannot be opened is tried again, and each reason is told once', async () => {
  const told: string[] = [];
  const reasons = ['full', 'full', 'damaged'];
  const opened = await new Promise<string>((resolve) => {
    openPatiently(
      () => {
        const reason = reasons.shift();
        if (reason !== undefined) throw new Error(reason);
        return 'open';
      },
      5,
      resolve,
      (message) => told.push(message),
    );
  });
  expect(opened).toBe('open');
  expect(told).toEqual(['full', 'damaged']);
});
