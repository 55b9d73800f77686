/** The PROXY protocol's two headers: what the specification shows, its limits, and noise. */
import { describe, expect, it } from 'vitest';
import { type ProxyHeader, readProxyHeader } from '../../src/smtp/proxy-header.ts';
import { below, pieces, seeded } from './seeded.ts';

const V2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A v2 header: command byte, family byte, address block with TLVs. */
function binary(command: number, family: number, block: Buffer, length = block.length): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt8(command, 0);
  head.writeUInt8(family, 1);
  head.writeUInt16BE(length, 2);
  return Buffer.concat([V2, head, block]);
}

const IPV4 = Buffer.from([192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 0x04, 0, 25]);
const IPV6 = Buffer.from(`20010db8${'0'.repeat(22)}07${'f'.repeat(32)}dc040019`, 'hex');
const MAPPED = Buffer.from(`${'0'.repeat(20)}ffffc0000207${'f'.repeat(32)}dc040019`, 'hex');
const TLV = Buffer.from([0x04, 0, 3, 1, 2, 3]);

function complete(address: string | null, port = 56_324): object {
  return { state: 'complete', client: address === null ? null : { address, port } };
}

describe('readProxyHeader', () => {
  it.each([
    ['PROXY TCP4 192.0.2.7 10.0.0.1 56324 25\r\n', complete('192.0.2.7')],
    ['PROXY TCP6 2001:DB8::7 ::1 56324 25\r\n', complete('2001:db8::7')],
    ['PROXY TCP6 ::ffff:192.0.2.7 ::1 56324 25\r\n', complete('192.0.2.7')],
    ['PROXY TCP4 192.0.2.7 10.0.0.1 0 65535\r\n', complete('192.0.2.7', 0)],
    ['PROXY UNKNOWN\r\n', complete(null)],
    [`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`, complete(null)],
  ])('%j', (line, expected) => {
    const bytes = Buffer.from(`${line}EHLO x\r\n`);
    expect(readProxyHeader(bytes)).toEqual({ ...expected, length: line.length });
  });

  it.each([
    ['PROXY TCP4 192.0.2.7 10.0.0.1 56324 25\n\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7 10.0.0.1 56324\r\n', 'malformed'],
    ['PROXY  TCP4 192.0.2.7 10.0.0.1 56324 25\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7 10.0.0.1 56324 25 \r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7 10.0.0.1 056324 25\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.7 10.0.0.1 65536 25\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.07 10.0.0.1 1 25\r\n', 'malformed'],
    ['PROXY TCP4 2001:db8::7 10.0.0.1 1 25\r\n', 'malformed'],
    ['PROXY TCP6 192.0.2.7 ::1 1 25\r\n', 'malformed'],
    ['PROXY TCP6 fe80::1%eth0 ::1 1 25\r\n', 'malformed'],
    ['PROXY UDP4 192.0.2.7 10.0.0.1 1 25\r\n', 'malformed'],
    ['PROXY UNKNOWNS\r\n', 'malformed'],
    [`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`, 'longer than 107'],
    [`PROXY UNKNOWN ${'f'.repeat(100)}`, 'longer than 107'],
    ['proxy TCP4 192.0.2.7 10.0.0.1 1 25\r\n', 'does not begin'],
    ['EHLO x\r\n', 'does not begin'],
    ['\r\n\r\nEHLO', 'does not begin'],
  ])('refuses %j', (line, problem) => {
    const header = readProxyHeader(Buffer.from(line));
    expect(header).toEqual({ state: 'invalid', problem: expect.stringContaining(problem) });
  });

  it.each([
    ['IPv4', binary(0x21, 0x11, IPV4), complete('192.0.2.7')],
    ['IPv6', binary(0x21, 0x21, IPV6), complete('2001:db8::7')],
    ['IPv4 in IPv6', binary(0x21, 0x21, MAPPED), complete('192.0.2.7')],
    ['IPv4 with TLVs', binary(0x21, 0x11, Buffer.concat([IPV4, TLV, TLV])), complete('192.0.2.7')],
    ['Unix', binary(0x21, 0x31, Buffer.alloc(216)), complete(null)],
    ['UDP', binary(0x21, 0x12, IPV4), complete(null)],
    ['UNSPEC', binary(0x21, 0x00, Buffer.alloc(0)), complete(null)],
    ['UNSPEC with TLVs', binary(0x21, 0x00, TLV), complete(null)],
    ['LOCAL', binary(0x20, 0x00, Buffer.alloc(0)), complete(null)],
    ['LOCAL with an address', binary(0x20, 0x11, IPV4), complete(null)],
    ['the most TLVs', binary(0x21, 0x11, Buffer.concat([IPV4, Buffer.alloc(4068)])), complete('192.0.2.7')],
  ])('v2: %s', (_what, header, expected) => {
    const bytes = Buffer.concat([header, Buffer.from('EHLO x\r\n')]);
    expect(readProxyHeader(bytes)).toEqual({ ...expected, length: header.length });
  });

  it.each([
    ['version 1 in v2', binary(0x11, 0x11, IPV4), 'version or command'],
    ['an unknown command', binary(0x22, 0x11, IPV4), 'version or command'],
    ['an unknown family', binary(0x21, 0x41, IPV4), 'family or protocol'],
    ['an unknown protocol', binary(0x21, 0x13, IPV4), 'family or protocol'],
    ['addresses cut short', binary(0x21, 0x11, IPV4.subarray(1)), 'cut short'],
    ['IPv6 with room for IPv4', binary(0x21, 0x21, IPV4), 'cut short'],
    ['more than we read', binary(0x21, 0x11, IPV4, 0xffff), 'longer than 4096'],
  ])('v2: refuses %s', (_what, header, problem) => {
    expect(readProxyHeader(header)).toEqual({ state: 'invalid', problem: expect.stringContaining(problem) });
  });

  it('waits for every byte, and reads the same however it was cut', () => {
    const headers = [
      Buffer.from('PROXY TCP6 2001:db8::7 ::1 56324 25\r\n'),
      binary(0x21, 0x21, Buffer.concat([IPV6, TLV])),
      binary(0x20, 0x00, Buffer.alloc(0)),
    ];
    for (const header of headers) {
      for (let length = 0; length < header.length; length += 1) {
        expect(readProxyHeader(header.subarray(0, length))).toEqual({ state: 'incomplete' });
      }
      expect(readProxyHeader(header)).toMatchObject({ state: 'complete', length: header.length });
    }
  });

  it('never throws on noise, never changes its mind, and never waits beyond its limits', () => {
    const chance = seeded(21);
    const starts = [
      Buffer.from('PROXY '),
      Buffer.from('PROXY TCP4 1.2.3.4 '),
      V2,
      Buffer.concat([V2, Buffer.of(0x21)]),
    ];
    for (let round = 0; round < 5000; round += 1) {
      const noise = Buffer.from(Array.from({ length: 400 }, () => below(chance, 256)));
      const bytes = Buffer.concat([starts[below(chance, starts.length + 1)] ?? Buffer.alloc(0), noise]);
      const decided = decisions(pieces(bytes, chance, 40));
      expect(decided.slice(1)).toEqual(decided.slice(0, -1));
      const long = Buffer.concat([bytes, Buffer.alloc(4096, 0x61)]);
      expect(readProxyHeader(long).state).not.toBe('incomplete');
    }
  });
});

/** What was said of each growing start that was no longer incomplete. */
function decisions(chunks: readonly Buffer[]): ProxyHeader[] {
  return chunks
    .map((_, index) => readProxyHeader(Buffer.concat(chunks.slice(0, index + 1))))
    .filter(({ state }) => state !== 'incomplete');
}
