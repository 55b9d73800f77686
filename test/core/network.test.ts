/** IP addresses and networks: spelling, prefixes, and agreement with Node's own. */
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { addressWords, inNetworks, ipText, normaliseIp, parseNetwork } from '../../src/core/network.ts';
import { seeded } from '../random.ts';

function networks(...texts: string[]) {
  return texts.map((text) => {
    const parsed = parseNetwork(text);
    if (!parsed.ok) throw new Error(parsed.problem);
    return parsed.network;
  });
}

describe('normaliseIp', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:DB8::0001', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6'],
    ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1:2:3:4:5'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::192.0.2.1', '::c000:201'],
    ['not an address', 'not an address'],
    ['', ''],
  ])('%s is %s', (text, expected) => {
    expect(normaliseIp(text)).toBe(expected);
  });
});

describe('addressWords', () => {
  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.4 ',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::1.2.3',
    '1.2.3.4::',
    '::ffff:1.2.3.4:5',
    'localhost',
  ])('knows that %j is none', (text) => {
    expect(addressWords(text)).toBeNull();
  });

  it('agrees with Node about random text', () => {
    const random = seeded(11);
    const parts = ['1', '0', 'ff', ':', '::', '.', '255', '256', '00', 'g', 'ffff', '1.2.3.4', '12345', '%'];
    let good = 0;
    for (let round = 0; round < 40_000; round += 1) {
      const text = Array.from({ length: 1 + random.below(15) }, () => random.pick(parts)).join('');
      if (text.includes('%')) continue;
      const words = addressWords(text);
      expect(words !== null, text).toBe(net.isIP(text) !== 0);
      if (words === null) continue;
      good += 1;
      expect(addressWords(ipText(words)), text).toEqual(words);
    }
    expect(good).toBeGreaterThan(100);
  });
});

describe('parseNetwork', () => {
  it.each([
    ['192.0.2.1', 32],
    ['192.0.2.0/24', 24],
    ['0.0.0.0/0', 0],
    [' 10.0.0.0/8 ', 8],
    ['::ffff:10.0.0.0/8', 8],
    ['2001:db8::/32', 32],
    ['::1', 128],
    ['::/0', 0],
  ])('reads %s', (text, prefix) => {
    expect(parseNetwork(text)).toMatchObject({ ok: true, network: { prefix } });
  });

  it.each([
    ['10.0.0.1/8', 'has bits beyond its prefix; the network is 10.0.0.0/8'],
    ['2001:db8::1/32', 'has bits beyond its prefix; the network is 2001:db8::/32'],
    ['10.0.0.0/33', 'has no prefix length from 0 to 32'],
    ['::/129', 'has no prefix length from 0 to 128'],
    ['10.0.0.0/', 'has no prefix length from 0 to 32'],
    ['10.0.0.0/8/8', expect.stringContaining('is not an address')],
    ['localhost', expect.stringContaining('is not an address')],
    ['*', expect.stringContaining('is not an address')],
    ['fe80::1%eth0', expect.stringContaining('is not an address')],
    ['', expect.stringContaining('is not an address')],
  ])('refuses %s', (text, problem) => {
    expect(parseNetwork(text)).toEqual({ ok: false, problem });
  });
});

describe('inNetworks', () => {
  it.each([
    [['10.0.0.0/8'], '10.255.0.1', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['10.0.0.0/8'], '::ffff:10.0.0.1', true],
    [['192.0.2.128/25'], '192.0.2.127', false],
    [['192.0.2.128/25'], '192.0.2.128', true],
    [['2001:db8::/33'], '2001:db8:7fff::1', true],
    [['2001:db8::/33'], '2001:db8:8000::1', false],
    [['fe80::/10'], 'febf::1%eth0', true],
    [['::/0'], '192.0.2.1', false],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['0.0.0.0/0'], '0.0.0.0', true],
    [['192.0.2.1', '::1'], '::1', true],
    [[], '192.0.2.1', false],
    [['::/0', '0.0.0.0/0'], 'unknown', false],
  ])('%j and %s: %s', (texts, address, expected) => {
    expect(inNetworks(networks(...texts), address)).toBe(expected);
  });

  it('agrees with a BlockList of Node', () => {
    const random = seeded(12);
    for (let round = 0; round < 5000; round += 1) {
      const six = random.below(2) === 1;
      const byte = (): number => random.pick([0, 1, 127, 128, 255]);
      const draw = (): string =>
        six
          ? Array.from({ length: 8 }, () => (byte() * 257).toString(16)).join(':')
          : Array.from({ length: 4 }, byte).join('.');
      const prefix = random.below((six ? 128 : 32) + 1);
      const [base, address] = [draw(), draw()];
      const list = new net.BlockList();
      list.addSubnet(base, prefix, six ? 'ipv6' : 'ipv4');
      const exact = parseNetwork(`${base}/${prefix}`);
      const masked = exact.ok ? `${base}/${prefix}` : (exact.problem.split('is ')[1] ?? '');
      const expected = list.check(address, six ? 'ipv6' : 'ipv4');
      expect(inNetworks(networks(masked), address), `${masked} ${address}`).toBe(expected);
    }
  });
});
