/** Accepted addresses on their way to the learning thread: bounded, told in batches, kept when nobody listens. */
import { expect, test } from 'vitest';
import { collectAcceptedMail } from '../../src/sync/accepted-mail.ts';
import type { AcceptedMail } from '../../src/sync/protocol.ts';

test('addresses are told once a batch, by tenant', async () => {
  const told: Array<readonly AcceptedMail[]> = [];
  await using log = collectAcceptedMail(async (mail) => void told.push(mail), 5);
  for (const address of ['a@x', 'b@x', 'a@x']) log.note('one', address);
  log.note('two', 'c@x');
  await expect
    .poll(() => told)
    .toEqual([
      [
        { tenant: 'one', addresses: ['a@x', 'b@x'] },
        { tenant: 'two', addresses: ['c@x'] },
      ],
    ]);
  log.note('one', 'a@x');
  await expect.poll(() => told.length).toBe(2);
});

test('more than fits is not told', async () => {
  const told: Array<readonly AcceptedMail[]> = [];
  const log = collectAcceptedMail(async (mail) => void told.push(mail), 3_600_000, 2);
  for (const address of ['a@x', 'b@x', 'c@x']) log.note('one', address);
  await log[Symbol.asyncDispose]();
  expect(told).toEqual([[{ tenant: 'one', addresses: ['a@x', 'b@x'] }]]);
});

test('what could not be told is told later, once at a time', async () => {
  const told: Array<readonly AcceptedMail[]> = [];
  let tries = 0;
  await using log = collectAcceptedMail(async (mail) => {
    tries += 1;
    if (tries < 3) throw new Error('the learning thread is being restarted');
    told.push(mail);
  }, 5);
  log.note('one', 'a@x');
  await expect.poll(() => told).toEqual([[{ tenant: 'one', addresses: ['a@x'] }]]);
  expect(tries).toBe(3);
});
