/** Which inherited socket is whose. */
import { describe, expect, it } from 'vitest';
import { claimSockets, inheritedSockets } from '../../src/ops/inherited-sockets.ts';

const passed = (env: Record<string, string>): unknown => Object.fromEntries(inheritedSockets(env, 42));

describe('inheritedSockets', () => {
  it.each([
    ['nothing', {}, {}],
    ['one with its name', { LISTEN_FDS: '1', LISTEN_FDNAMES: 'smtp', LISTEN_PID: '42' }, { smtp: [3] }],
    [
      "several, in systemd's order",
      { LISTEN_FDS: '3', LISTEN_FDNAMES: 'http:smtp:smtp' },
      { http: [3], smtp: [4, 5] },
    ],
    ['one without a name', { LISTEN_FDS: '1' }, { unknown: [3] }],
    ['those of another process', { LISTEN_FDS: '1', LISTEN_PID: '41' }, {}],
    ['no number', { LISTEN_FDS: 'many' }, {}],
    ['a number beyond reason', { LISTEN_FDS: '100000' }, {}],
  ])('reads %s', (_case, env, expected) => {
    expect(passed(env as Record<string, string>)).toEqual(expected);
  });
});

describe('claimSockets', () => {
  const sockets = new Map([
    ['smtp', [3, 5]],
    ['tls', [4]],
  ]);

  it.each([
    [
      ['smtp', null, 'tls'],
      [3, null, 4],
    ],
    [
      ['smtp', 'smtp'],
      [3, 5],
    ],
    [[null], [null]],
  ])('%j gets %j', (names, fds) => {
    expect(claimSockets(names, sockets)).toEqual(fds);
  });

  it.each([[['http']], [['tls', 'tls']]])('%j is refused, with what there is', (names) => {
    expect(() => claimSockets(names, sockets)).toThrow(
      /no such socket was passed; passed were: smtp \(2\), tls \(1\)/,
    );
  });
});
