/** A flood in the log: lines and sums add up, whoever asks and however many there are. */
import { describe, expect, it } from 'vitest';
import { openFlood, type RefusalKind } from '../../src/ops/flood.ts';

const KIND: RefusalKind = {
  answer: 'rcpt.reject',
  verdict: 'reject',
  reason: 'unknown',
  code: 550,
  domain: 'contoso.example',
  tenant: 't1',
  source: 'relay',
  realClient: '192.0.2.1',
};

function rig(limit: number) {
  const told: Array<RefusalKind & { count: number }> = [];
  let now = 0;
  const flood = openFlood(
    limit,
    (kind, count) => told.push({ ...kind, count }),
    () => now,
  );
  const pass = (ms: number): void => {
    now += ms;
  };
  return { flood, told, pass };
}

describe('a flood', () => {
  it('gets its first lines, and the rest in one sum a kind', () => {
    const { flood, told, pass } = rig(3);
    const passed = [...Array(10).keys()].filter(() => flood.passes(KIND)).length;
    const other = { ...KIND, realClient: '192.0.2.2' };
    flood.passes(other);
    expect([passed, told]).toEqual([3, []]);
    pass(1000);
    expect(flood.passes(KIND)).toBe(true);
    expect(told).toEqual([
      { ...KIND, count: 7 },
      { ...other, count: 1 },
    ]);
  });

  it('adds up from very many clients, in bounded many sums', () => {
    const { flood, told } = rig(5);
    let passed = 0;
    for (let client = 0; client < 5000; client += 1) {
      if (flood.passes({ ...KIND, realClient: `10.0.${client >> 8}.${client & 255}` })) passed += 1;
    }
    flood.flush();
    expect(told.length).toBeLessThan(110);
    expect(passed + told.reduce((sum, { count }) => sum + count, 0)).toBe(5000);
    expect(told.at(-1)).toMatchObject({ realClient: null, reason: 'unknown' });
  });

  it('is told a second later without another question, and without a limit not at all', async () => {
    const { flood, told } = rig(1);
    flood.passes(KIND);
    flood.passes(KIND);
    await expect.poll(() => told, { timeout: 3000 }).toMatchObject([{ count: 1 }]);
    expect(rig(0).flood.passes(KIND)).toBe(true);
  });
});
