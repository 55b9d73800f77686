/** What the answering side is told, with a real mirror: new sets after changes, otherwise only the time. */
import { expect, test } from 'vitest';
import { openSnapshot } from '../../src/core/directory.ts';
import type { LearnerMessage } from '../../src/sync/protocol.ts';
import { openPublication } from '../../src/sync/publication.ts';
import { DAY, entry, NOON, removed, scratchMirror, TENANT } from '../mirror/scratch.ts';

const A = 'a@contoso.example';
const B = 'b@contoso.example';

test('a change is told as a directory, a quiet round as a time', () => {
  using scratch = scratchMirror();
  const told: LearnerMessage[] = [];
  const publish = openPublication((message) => told.push(message));
  const round = (...patches: ReturnType<typeof entry>[]): void => {
    scratch.round({ users: patches, at: NOON + told.length });
    publish(scratch.mirror, TENANT);
  };
  round(entry('1', A), entry('2', B));
  round();
  round(entry('1', A));
  round(removed('2'));
  expect(told.map(({ kind }) => kind)).toEqual(['directory', 'unchanged', 'unchanged', 'directory']);
  expect(told[2]).toEqual({ kind: 'unchanged', tenant: TENANT, syncedAt: NOON + 2 });
});

test('every departure is told, however old it seems to the clock of this moment', () => {
  using scratch = scratchMirror();
  const told: LearnerMessage[] = [];
  scratch.round({ users: [entry('1', A), entry('2', B)], at: NOON - 300 * DAY });
  scratch.round({ users: [removed('2')], at: NOON - 300 * DAY });
  openPublication((message) => told.push(message))(scratch.mirror, TENANT);
  const [message] = told;
  if (message?.kind !== 'directory') throw new Error('no directory was told');
  expect(openSnapshot(message.snapshot).departed.get(B)).toBe(NOON - 300 * DAY);
});
