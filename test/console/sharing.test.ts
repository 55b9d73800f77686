/** The same question of many visitors reaches the daemon once, and never longer than an answer is good. */
import { describe, expect, it } from 'vitest';
import type { Daemon } from '../../src/console/site/daemon.ts';
import { shared } from '../../src/console/site/sharing.ts';

function rig(fail = false) {
  let time = 0;
  const asked: string[] = [];
  const answer = async (what: string) => {
    asked.push(what);
    if (fail) throw new Error('no daemon');
    return asked.length;
  };
  const daemon: Daemon = {
    get: answer,
    post: (path, body) => answer(`${path} ${JSON.stringify(body)}`),
    async *lines(path) {
      yield await answer(path);
    },
  };
  return { asked, one: shared(daemon, 250, () => time), later: (ms: number) => (time += ms) };
}

describe('a question', () => {
  it('is asked once by many, and again after a quarter of a second', async () => {
    const { asked, one, later } = rig();
    expect(await Promise.all(Array.from({ length: 200 }, () => one.get('/v1/status')))).toEqual(
      Array(200).fill(1),
    );
    later(249);
    expect(await one.get('/v1/status')).toBe(1);
    expect(await one.get('/v1/rounds')).toBe(2);
    later(1);
    expect(await one.get('/v1/status')).toBe(3);
    expect(asked).toEqual(['/v1/status', '/v1/rounds', '/v1/status']);
  });

  it('may be a post that changes nothing, told apart by its body', async () => {
    const { asked, one } = rig();
    const [a, b, c] = [{ address: 'a@c.example' }, { address: 'a@c.example' }, { address: 'b@c.example' }];
    expect(await Promise.all([a, b, c].map((body) => one.post('/v1/explain', body)))).toEqual([1, 1, 2]);
    expect(asked).toHaveLength(2);
  });

  it('is asked again after a change, whatever became of the change', async () => {
    const { asked, one } = rig();
    await one.get('/v1/status');
    await one.post('/v1/overrides', {});
    await one.get('/v1/status');
    for await (const _line of one.lines('/v1/sync', {}));
    await one.get('/v1/status');
    expect(asked.filter((path) => path === '/v1/status')).toHaveLength(3);
  });

  it('that failed is asked again at once', async () => {
    const { asked, one } = rig(true);
    await expect(one.get('/v1/status')).rejects.toThrow('no daemon');
    await expect(one.get('/v1/status')).rejects.toThrow('no daemon');
    expect(asked).toHaveLength(2);
  });

  it('is kept for a bounded number of others', async () => {
    const { asked, one } = rig();
    for (let n = 0; n < 600; n++) await one.get(`/v1/recipients?q=${n}`);
    await one.get('/v1/recipients?q=599');
    expect(asked).toHaveLength(600);
    await one.get('/v1/recipients?q=0');
    expect(asked).toHaveLength(601);
  });
});
