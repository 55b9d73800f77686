import { describe, expect, test } from 'vitest';
import type { RecipientPatch } from '../../src/core/recipient.ts';
import { decodeFacts, encodeFacts, foldPatches, type StoredObject } from '../../src/mirror/merge.ts';

const stored = (facts: StoredObject['facts'], state: StoredObject['state'] = 'live'): StoredObject => ({
  state,
  facts,
});
const patch = (facts: RecipientPatch['facts']): RecipientPatch => ({ id: 'x', facts });
const changed: RecipientPatch = { id: 'x', removed: 'changed', facts: {} };
const deleted: RecipientPatch = { id: 'x', removed: 'deleted', facts: {} };

const A = ['SMTP:a@contoso.example'];
const B = ['SMTP:b@contoso.example'];
const old = stored({ displayName: 'X', proxyAddresses: A });

describe('entries of a delta round', () => {
  const cases: Array<[string, StoredObject | null, RecipientPatch[], StoredObject | null]> = [
    ['a new object', null, [patch({ proxyAddresses: A })], stored({ proxyAddresses: A })],
    [
      'an absent property is unchanged',
      old,
      [patch({ displayName: 'Y' })],
      stored({ displayName: 'Y', proxyAddresses: A }),
    ],
    [
      'an explicit null is a change',
      old,
      [patch({ displayName: null })],
      stored({ displayName: null, proxyAddresses: A }),
    ],
    [
      'an array is replaced whole',
      old,
      [patch({ proxyAddresses: B })],
      stored({ displayName: 'X', proxyAddresses: B }),
    ],
    [
      'the last address goes',
      old,
      [patch({ proxyAddresses: [] })],
      stored({ displayName: 'X', proxyAddresses: [] }),
    ],
    ['the last entry wins', old, [patch({ proxyAddresses: B }), patch({ proxyAddresses: A })], old],
    ['soft delete keeps the facts', old, [changed], stored(old.facts, 'changed')],
    ['gone for good', old, [deleted], null],
    ['soft delete, then gone for good', old, [changed, deleted], null],
    ['removal of an object never seen', null, [changed], null],
    ['sparse restore revives the facts', stored(old.facts, 'changed'), [patch({})], old],
    [
      'restore within the round',
      old,
      [changed, patch({ displayName: 'Z' })],
      stored({ displayName: 'Z', proxyAddresses: A }),
    ],
    ['removed, restored, removed', old, [changed, patch({}), changed], stored(old.facts, 'changed')],
    ['created and removed within the round', null, [patch({ proxyAddresses: A }), deleted], null],
    ['back after being absent from a full read', stored(old.facts, 'absent'), [patch({})], old],
  ];
  test.each(cases)('%s', (_name, before, patches, after) => {
    expect(foldPatches(before, patches, 'delta')).toEqual(after);
  });
});

describe('entries of a full read', () => {
  const cases: Array<[string, StoredObject | null, RecipientPatch[], StoredObject | null]> = [
    ['absent means empty', old, [patch({ displayName: 'X' })], stored({ displayName: 'X' })],
    [
      'a duplicate is a patch of the first',
      null,
      [patch({ proxyAddresses: A }), patch({ displayName: 'D' })],
      stored({ displayName: 'D', proxyAddresses: A }),
    ],
    ['a removal keeps what was known', old, [changed], stored(old.facts, 'changed')],
    ['a removal of an object never seen', null, [changed], null],
    [
      'a sparse restore after a removal',
      old,
      [changed, patch({ displayName: 'R' })],
      stored({ displayName: 'R', proxyAddresses: A }),
    ],
  ];
  test.each(cases)('%s', (_name, before, patches, after) => {
    expect(foldPatches(before, patches, 'full')).toEqual(after);
  });
});

test('stored facts have one text, whatever order they came in', () => {
  const one = encodeFacts({ proxyAddresses: A, displayName: 'X', groupTypes: ['Unified'] });
  const other = encodeFacts({ groupTypes: ['Unified'], displayName: 'X', proxyAddresses: A });
  expect(one).toBe(other);
  expect(decodeFacts(one)).toEqual({ displayName: 'X', groupTypes: ['Unified'], proxyAddresses: A });
});
