/** Which addresses an object can receive mail at: one row a kind, and the merge of patches. */
import { describe, expect, it } from 'vitest';
import {
  addressesOf,
  kindOf,
  mergeFacts,
  type RecipientFacts,
  type StreamName,
  smtpAddress,
} from '../../src/core/recipient.ts';

const VERIFIED = new Set(['contoso.example', 'xn--bcher-kva.example']);
const ALICE = ['SMTP:Alice@contoso.example', 'smtp:a.smith@contoso.example'];

describe('addressesOf', () => {
  it.each<[string, StreamName, RecipientFacts, string[]]>([
    ['user', 'users', { accountEnabled: true, proxyAddresses: ALICE }, ['alice', 'a.smith']],
    [
      'shared mailbox',
      'users',
      { accountEnabled: false, proxyAddresses: ['SMTP:info@contoso.example'] },
      ['info'],
    ],
    ['guest', 'users', { userType: 'Guest', proxyAddresses: ['SMTP:g@fabrikam.example'] }, []],
    ['user', 'users', {}, []],
    [
      'microsoft-365-group',
      'groups',
      { groupTypes: ['Unified'], mailEnabled: true, proxyAddresses: ALICE },
      ['alice', 'a.smith'],
    ],
    [
      'distribution-list',
      'groups',
      { groupTypes: [], mailEnabled: true, proxyAddresses: ALICE },
      ['alice', 'a.smith'],
    ],
    [
      'mail-enabled-security-group',
      'groups',
      { mailEnabled: true, securityEnabled: true, proxyAddresses: ALICE },
      ['alice', 'a.smith'],
    ],
    ['security-group', 'groups', { mailEnabled: false, securityEnabled: true, proxyAddresses: ALICE }, []],
    [
      'contact',
      'contacts',
      { proxyAddresses: ['SMTP:ext@fabrikam.example', 'smtp:c@contoso.example'] },
      ['c'],
    ],
  ])('%s in %s', (_kind, stream, facts, locals) => {
    const addresses = addressesOf(stream, facts, VERIFIED).map(({ address }) => address);
    expect(addresses).toEqual(locals.map((local) => `${local}@contoso.example`));
  });

  it('takes SMTP entries in verified domains and their subdomains only', () => {
    const proxyAddresses = [
      'SMTP:a@contoso.example',
      'smtp:A@contoso.example',
      'smtp:sub@mail.contoso.example',
      'smtp:idn@bücher.example',
      'smtp:no@notcontoso.example',
      'smtp:no@example',
      'X500:/o=org/cn=a@contoso.example',
      'SIP:sip@contoso.example',
      'SPO:SPO_1@SPO_2',
      'smtp:',
      'smtp:broken',
      'no-prefix@contoso.example',
    ];
    expect(addressesOf('users', { proxyAddresses }, VERIFIED)).toEqual([
      { address: 'a@contoso.example', attribute: 'SMTP:a@contoso.example' },
      { address: 'sub@mail.contoso.example', attribute: 'smtp:sub@mail.contoso.example' },
      { address: 'idn@xn--bcher-kva.example', attribute: 'smtp:idn@bücher.example' },
    ]);
  });
});

describe('the small rules', () => {
  it.each([
    ['SMTP:Alice@contoso.example', 'alice@contoso.example'],
    ['Smtp: alice@contoso.example', 'alice@contoso.example'],
    ['SIP:alice@contoso.example', null],
    ['smtpx:alice@contoso.example', null],
    ['', null],
  ])('entry %j holds %j', (entry, address) => {
    expect(smtpAddress(entry)).toBe(address);
  });

  it('names guests and contacts', () => {
    expect([kindOf('users', { userType: 'guest' }), kindOf('contacts', {}), kindOf('users', {})]).toEqual([
      'guest',
      'contact',
      'user',
    ]);
  });

  it('merges property by property; an explicit null is a value', () => {
    const old = { displayName: 'Alice', mail: 'a@contoso.example', proxyAddresses: ALICE };
    expect(mergeFacts(old, { mail: null, proxyAddresses: [] })).toEqual({
      displayName: 'Alice',
      mail: null,
      proxyAddresses: [],
    });
  });
});
