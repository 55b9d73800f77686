/** What next hops thought, on its way to the learning thread, and kept there: added up, bounded, never waited for. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Discrepancy } from '../../src/core/reconciliation.ts';
import { bareVerdict, type Reason, type Verdict } from '../../src/core/verdict.ts';
import { openMirror } from '../../src/mirror/mirror.ts';
import { MAX_DISCREPANCIES } from '../../src/mirror/observations.ts';
import { collectObservations, observeMessage, observeRecipient } from '../../src/sync/observations.ts';
import type { ObservedBatch } from '../../src/sync/protocol.ts';
import { scratchDirectory } from '../mirror/scratch.ts';

const DAY = 86_400_000;
const NEVER = 1_000_000_000;

function verdictOf(reason: Reason, address = 'a@d.example'): Verdict {
  return { ...bareVerdict(reason, address), tenant: 't', domain: 'd.example' };
}

/** A log whose tellings are kept. */
function logged(limit = 100) {
  const told: ObservedBatch[] = [];
  const clock = { now: 5 * DAY };
  const log = collectObservations(
    async (batch) => told.push(batch),
    NEVER,
    limit,
    () => clock.now,
  );
  onTestFinished(() => log[Symbol.asyncDispose]());
  return { log, told, clock, tell: () => log[Symbol.asyncDispose]() };
}

const answer = (reason: Reason, code: number, enhanced: string, mailFrom = 's@x.example') => ({
  verdict: verdictOf(reason),
  reply: { code, enhanced },
  nextHopReply: `${code} ${enhanced} words`,
  mailFrom,
});

describe('what is told of answers', () => {
  it('adds up addresses and days', async () => {
    const { log, told, clock, tell } = logged();
    for (const sender of ['a', 'b', 'a', 'c', 'd', 'e', 'f']) {
      clock.now += 1000;
      observeRecipient(log, answer('observed-unknown', 250, '2.1.5', sender));
    }
    observeRecipient(log, answer('observed-unknown', 550, '5.1.1'));
    observeRecipient(log, answer('known', 250, '2.1.5'));
    observeRecipient(log, answer('known', 550, '5.1.10'));
    observeRecipient(log, answer('known', 451, '4.7.1'));
    observeRecipient(log, { ...answer('known', 451, '4.4.1'), nextHopReply: null });
    await tell();
    expect(told).toHaveLength(1);
    expect(told[0]?.days).toEqual([
      { tenant: 't', domain: 'd.example', day: 5, agreed: 2, 'hop-accepted': 7, 'hop-rejected': 1 },
    ]);
    expect(told[0]?.discrepancies).toMatchObject([
      {
        kind: 'hop-accepted',
        address: 'a@d.example',
        count: 7,
        firstAt: 5 * DAY + 1000,
        lastAt: 5 * DAY + 7000,
        senders: ['f', 'e', 'd', 'c', 'a'],
      },
      { kind: 'hop-rejected', count: 1, reply: '550 5.1.10 words' },
    ]);
  });

  it('takes a yes back when the message of that one recipient is refused for it', async () => {
    const { log, told, tell } = logged();
    observeRecipient(log, answer('observed-unknown', 250, '2.1.5'));
    const { verdict: only, ...refused } = answer('observed-unknown', 550, '5.1.10');
    observeMessage(log, { ...refused, only });
    observeMessage(log, { ...refused, only: null });
    observeMessage(log, { ...refused, only, reply: { code: 554, enhanced: '5.6.0' } });
    observeMessage(log, { ...refused, only: verdictOf('known', 'k@d.example') });
    await tell();
    expect(told[0]?.discrepancies).toMatchObject([
      { kind: 'hop-accepted', count: 1, withdrawn: 1 },
      { kind: 'hop-rejected', address: 'k@d.example', count: 1 },
    ]);
  });

  it('is bounded, counts go on, and a telling that fails is dropped', async () => {
    const told: ObservedBatch[] = [];
    const log = collectObservations(
      async (batch) => {
        told.push(batch);
        throw new Error('the learning thread is being restarted');
      },
      NEVER,
      10,
    );
    for (let n = 0; n < 1000; n++) {
      observeRecipient(log, {
        ...answer('observed-unknown', 250, '2.1.5', 'x'.repeat(1000)),
        verdict: verdictOf('observed-unknown', `${n}@d.example`),
      });
    }
    await log[Symbol.asyncDispose]();
    expect(told[0]?.discrepancies).toHaveLength(10);
    expect(told[0]?.discrepancies[0]?.senders[0]).toHaveLength(254);
    expect(told[0]?.days).toMatchObject([{ 'hop-accepted': 1000 }]);
  });
});

describe('the mirror', () => {
  function discrepancy(address: string, over: Partial<Discrepancy> = {}) {
    const times = { count: 1, withdrawn: 0, firstAt: 10, lastAt: 10 };
    const rest = { senders: ['s1'], reply: '250 ok' };
    return {
      tenant: 't',
      domain: 'd.example',
      address,
      kind: 'hop-accepted' as const,
      ...times,
      ...rest,
      ...over,
    };
  }
  const day = (agreed: number) => ({
    ...{ tenant: 't', domain: 'd.example', day: 3, agreed },
    ...{ 'hop-accepted': 1, 'hop-rejected': 0 },
  });

  it('adds batches up and survives being opened again', () => {
    using directory = scratchDirectory();
    const file = `${directory.path}/mirror.sqlite`;
    {
      using mirror = openMirror(file);
      mirror.noteObserved({ discrepancies: [discrepancy('a@d.example')], days: [day(5)] });
    }
    using mirror = openMirror(file);
    const later = {
      count: 2,
      withdrawn: 1,
      firstAt: 20,
      lastAt: 30,
      senders: ['s2', 's1'],
      reply: '250 later',
    };
    mirror.noteObserved({ discrepancies: [discrepancy('a@d.example', later)], days: [day(7)] });
    expect(mirror.discrepancies('t')).toEqual({
      tenant: 't',
      discrepancies: [
        {
          domain: 'd.example',
          address: 'a@d.example',
          kind: 'hop-accepted',
          count: 3,
          withdrawn: 1,
          firstAt: 10,
          lastAt: 30,
          senders: ['s2', 's1'],
          reply: '250 later',
        },
      ],
      days: [{ domain: 'd.example', day: 3, agreed: 12, hopAccepted: 2, hopRejected: 0 }],
    });
    mirror.prune(200 * DAY, 0);
    expect(mirror.discrepancies('t')).toEqual({ tenant: 't', discrepancies: [], days: [] });
  });

  it('keeps the newest when there are too many, and every tenant for itself', () => {
    using directory = scratchDirectory();
    using mirror = openMirror(`${directory.path}/mirror.sqlite`);
    const flood = Array.from({ length: MAX_DISCREPANCIES + 500 }, (_, n) =>
      discrepancy(`${n}@d.example`, { lastAt: n }),
    );
    mirror.noteObserved({ discrepancies: [{ ...discrepancy('other@e.example'), tenant: 'u' }], days: [] });
    mirror.noteObserved({ discrepancies: flood, days: [] });
    const { discrepancies } = mirror.discrepancies('t');
    expect(discrepancies[0]?.address).toBe(`${MAX_DISCREPANCIES + 499}@d.example`);
    mirror.noteObserved({ discrepancies: [discrepancy('new@d.example', { lastAt: 1e9 })], days: [] });
    expect(mirror.discrepancies('t').discrepancies[0]?.address).toBe('new@d.example');
    expect(mirror.discrepancies('u').discrepancies).toHaveLength(1);
  });
});
