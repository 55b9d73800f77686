/** How a next hop does, by what it last did, in one thread and in several. */
import { describe, expect, it } from 'vitest';
import { isAnswer, joinNextHops, type NextHopStatus, nextHopHealth } from '../../src/core/next-hop-status.ts';

const fault = (at: number) => ({ at, stage: 'connect', failure: 'refused', error: 'ECONNREFUSED' });

describe('the health of a next hop', () => {
  it.each([
    [null, null, 'unused'],
    [5, null, 'good'],
    [null, 5, 'trouble'],
    [6, 5, 'good'],
    [5, 6, 'trouble'],
    [5, 5, 'trouble'],
  ] as const)('with an answer at %j and trouble at %j is %s', (lastSuccess, at, health) => {
    expect(nextHopHealth({ lastSuccess, lastTrouble: at === null ? null : fault(at) })).toBe(health);
  });

  it.each([
    [null, false],
    ['250 2.1.5 ok', true],
    ['550 5.1.1 no', true],
    ['421 4.3.2 closing', false],
  ])('the reply %j is an answer: %j', (reply, answer) => {
    expect(isAnswer(reply)).toBe(answer);
  });
});

it('what several threads know is the latest of each, and the sum of connections', () => {
  const hop = (changes: Partial<NextHopStatus>): NextHopStatus => ({
    nextHop: 'a:25',
    lastSuccess: null,
    lastTrouble: null,
    connections: 0,
    ...changes,
  });
  expect(
    joinNextHops([
      [hop({ lastSuccess: 5, connections: 2 }), hop({ nextHop: 'b:25' })],
      [hop({ lastSuccess: 9, lastTrouble: fault(3), connections: 1 })],
      [hop({ lastTrouble: fault(7) }), hop({ nextHop: 'b:25' })],
    ]),
  ).toEqual([hop({ lastSuccess: 9, lastTrouble: fault(7), connections: 3 }), hop({ nextHop: 'b:25' })]);
  expect(joinNextHops([])).toEqual([]);
});
