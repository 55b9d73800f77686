/** The TLS of a listener as other programs see it: versions and suites by OpenSSL, everything by sslscan. */
import { describe, expect, it } from 'vitest';
import type { TlsVersion } from '../../src/smtp/tls-context.ts';
import { openGateway } from '../smtp/gateway.ts';
import { keyPairFor } from '../smtp/key-pair.ts';
import { interop } from './programs.ts';
import { runProgram } from './run-program.ts';

const pair = keyPairFor('mx.contoso.example');

type Case = readonly [name: string, least: TlsVersion, outcome: string | null, ...options: string[]];
const CASES: readonly Case[] = [
  ['TLS 1.3', 'TLSv1.2', 'TLSv1.3', '-tls1_3'],
  ['TLS 1.2', 'TLSv1.2', 'TLSv1.2', '-tls1_2'],
  ['TLS 1.1', 'TLSv1.2', null, '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'],
  ['TLS 1.0', 'TLSv1.2', null, '-tls1', '-cipher', 'ALL:@SECLEVEL=0'],
  ['TLS 1.2 where 1.3 is the least', 'TLSv1.3', null, '-tls1_2'],
  ['TLS 1.3 where it is the least', 'TLSv1.3', 'TLSv1.3', '-tls1_3'],
  [
    'AES-128-GCM',
    'TLSv1.2',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    '-tls1_2',
    '-cipher',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
  ],
  [
    'AES-256-GCM',
    'TLSv1.2',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    '-tls1_2',
    '-cipher',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
  ],
  [
    'ChaCha20',
    'TLSv1.2',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    '-tls1_2',
    '-cipher',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
  ],
  ['CBC', 'TLSv1.2', null, '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384'],
  ['CCM', 'TLSv1.2', null, '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-CCM'],
  ['X25519', 'TLSv1.2', 'X25519', '-tls1_3', '-groups', 'X25519'],
  ['P-256', 'TLSv1.2', 'prime256v1', '-tls1_3', '-groups', 'P-256'],
  ['P-384', 'TLSv1.2', 'secp384r1', '-tls1_3', '-groups', 'P-384'],
  ['P-521', 'TLSv1.2', null, '-tls1_3', '-groups', 'P-521'],
  ['renegotiation by the client', 'TLSv1.2', 'Secure Renegotiation IS supported', '-tls1_2'],
];

interop(import.meta.url, ['openssl'], 'OpenSSL', () => {
  describe.each(['starttls', 'implicit'] as const)('%s', (tlsMode) => {
    it.each(
      CASES.map(([name, tlsMinVersion, outcome, ...options]) => ({ name, tlsMinVersion, outcome, options })),
    )('$name ($tlsMinVersion or newer): $outcome', async ({ tlsMinVersion, outcome, options }) => {
      const gateway = await openGateway({ tls: pair, tlsMode, tlsMinVersion });
      const way = tlsMode === 'starttls' ? ['-starttls', 'smtp'] : [];
      const to = ['s_client', '-connect', `127.0.0.1:${gateway.port}`];
      const { code, text } = await runProgram('openssl', [...to, ...way, ...options], 'QUIT\r\n');
      if (outcome === null)
        expect([code, text]).toEqual([1, expect.stringMatching(/alert|unexpected eof|no ciphers/i)]);
      else expect([code, text]).toEqual([0, expect.stringContaining(outcome)]);
      expect((await (await gateway.dialog(tlsMode === 'starttls')).ask('NOOP')) || 'closed').toMatch(
        tlsMode === 'starttls' ? /^250/ : /^closed$/,
      );
    });
  });
});

interop(import.meta.url, ['sslscan'], 'sslscan', () => {
  it('finds the intermediate suites and nothing else', async () => {
    const gateway = await openGateway({ tls: pair });
    const { text } = await runProgram('sslscan', [
      '--no-colour',
      '--starttls-smtp',
      `127.0.0.1:${gateway.port}`,
    ]);
    const suites = [...text.matchAll(/^(?:Accepted|Preferred)\s+(\S+)\s+\d+ bits\s+(\S+)/gm)].map(
      ([, version, suite]) => `${version} ${suite}`,
    );
    expect([...new Set(suites)].sort()).toEqual([
      'TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256',
      'TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384',
      'TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305',
      'TLSv1.3 TLS_AES_128_GCM_SHA256',
      'TLSv1.3 TLS_AES_256_GCM_SHA384',
      'TLSv1.3 TLS_CHACHA20_POLY1305_SHA256',
    ]);
    for (const version of ['SSLv2', 'SSLv3', 'TLSv1.0', 'TLSv1.1'])
      expect(text).toMatch(new RegExp(`^${version}\\s+disabled`, 'm'));
    expect(text).not.toMatch(/^(?!.*not vulnerable).*vulnerable to heartbleed/m);
  });
});
