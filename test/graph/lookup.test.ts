/** What is asked of Graph about an address, and what is believed of its answer. */
import { describe, expect, it } from 'vitest';
import { addressFilter, readList } from '../../src/graph/lookup.ts';

describe('addressFilter', () => {
  it.each([
    [
      ['zoe@contoso.example'],
      "proxyAddresses/any(x:x eq 'smtp:zoe@contoso.example' or x eq 'SMTP:zoe@contoso.example')",
    ],
    [
      ["o'brien@contoso.example"],
      "proxyAddresses/any(x:x eq 'smtp:o''brien@contoso.example' or x eq 'SMTP:o''brien@contoso.example')",
    ],
    [
      ['a+b@c.example', 'a@c.example'],
      "proxyAddresses/any(x:x eq 'smtp:a+b@c.example' or x eq 'SMTP:a+b@c.example' or x eq 'smtp:a@c.example' or x eq 'SMTP:a@c.example')",
    ],
    [
      ['a@xn--bcher-kva.example'],
      "proxyAddresses/any(x:x eq 'smtp:a@xn--bcher-kva.example' or x eq 'SMTP:a@xn--bcher-kva.example' or x eq 'smtp:a@bücher.example' or x eq 'SMTP:a@bücher.example')",
    ],
  ])('for %j', (addresses, filter) => {
    expect(addressFilter(addresses)).toBe(filter);
  });
});

describe('readList', () => {
  const wanted = new Set(['zoe@contoso.example']);
  const zoe = { id: '1', proxyAddresses: ['smtp:z@contoso.example', 'SMTP:Zoe@contoso.example'] };
  const base = 'https://graph.example';

  it.each([
    ['nobody', { value: [] }, { ok: true, patches: [], next: null }],
    ['an owner', { value: [zoe] }, { ok: true, patches: [{ id: '1' }], next: null }],
    [
      'an empty page with another to come',
      { value: [], '@odata.nextLink': `${base}/v1.0/users?$skiptoken=x` },
      { ok: true, patches: [], next: `${base}/v1.0/users?$skiptoken=x` },
    ],
    ['no value', {}, { ok: false }],
    ['a list of something else', { value: ['zoe'] }, { ok: false }],
    ['no object', [zoe], { ok: false }],
    ['a property of the wrong type', { value: [{ ...zoe, displayName: 5 }] }, { ok: false }],
    ['a link to another host', { value: [], '@odata.nextLink': 'https://evil.example/' }, { ok: false }],
    ['a link that is none', { value: [], '@odata.nextLink': 5 }, { ok: false }],
    ['somebody who was not asked for', { value: [{ id: '2', proxyAddresses: [] }] }, { ok: false }],
    ['an owner whose addresses are hidden', { value: [{ id: '1' }] }, { ok: false }],
    [
      'the address under another prefix',
      { value: [{ id: '3', proxyAddresses: ['SIP:zoe@contoso.example'] }] },
      { ok: false },
    ],
    ['somebody deleted', { value: [{ ...zoe, '@removed': { reason: 'deleted' } }] }, { ok: false }],
  ])('reads %s', (_what, body, expected) => {
    expect(readList(body, base, wanted)).toMatchObject(expected);
  });
});
