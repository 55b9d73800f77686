/** The rules about applications: permissions in a token, the words of problems, connections, the end of a secret. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hintOf } from '../../src/core/application.ts';
import { resultOf, wantsConsent, withProgress } from '../../src/core/connection.ts';
import { mayReadRegistration, PERMISSIONS, reviewRoles } from '../../src/core/permissions.ts';
import { explainProblem, problemOf } from '../../src/core/problems.ts';
import { selfSignedCertificate } from '../../src/core/self-signed.ts';
import { endOf } from '../../src/graph/registration.ts';
import { permissionOf } from '../../src/practice/permission-ids.ts';

describe('the permissions', () => {
  it('have the ids of the permissions reference', () => {
    for (const { id, type, name } of PERMISSIONS)
      expect(permissionOf({ id, type: type === 'application' ? 'Role' : 'Scope' })?.value).toBe(name);
  });

  it.each([
    ['', 'missing User.Read.All Group.Read.All', 'absent OrgContact.Read.All'],
    ['User.Read.All Group.Read.All', 'missing', 'absent OrgContact.Read.All'],
    ['User.Read.All Group.Read.All OrgContact.Read.All', 'missing', 'absent'],
    ['Directory.Read.All', 'missing', 'absent OrgContact.Read.All'],
    [
      'User.ReadBasic.All GroupMember.Read.All',
      'missing User.Read.All Group.Read.All',
      'absent OrgContact.Read.All',
    ],
  ])('%j: %s, %s', (roles, missing, absent) => {
    const review = reviewRoles(roles.split(' '));
    expect(['missing', ...review.missing].join(' ')).toBe(missing);
    expect(['absent', ...review.absent].join(' ')).toBe(absent);
  });

  it('that are not needed are named', () => {
    const roles = ['Mail.Read', 'Mail.ReadBasic.All', 'MailboxSettings.Read', 'Mail.Send', 'User.Read.All'];
    expect(reviewRoles(roles).unneeded).toEqual(roles.slice(0, 4));
    expect(reviewRoles(['Directory.ReadWrite.All', 'User.Read.All']).writing).toEqual([
      'Directory.ReadWrite.All',
    ]);
    expect([mayReadRegistration(['User.Read.All']), mayReadRegistration(['Application.Read.All'])]).toEqual([
      false,
      true,
    ]);
  });
});

describe('a problem', () => {
  it('has words by its code, by the AADSTS code in its message, or none of ours', () => {
    expect(explainProblem({ code: 'AADSTS7000222', message: '' })?.means.en).toContain('expired');
    expect(explainProblem({ code: 'x', message: 'AADSTS65001: no' })?.means.ja).toContain('同意');
    expect(explainProblem({ code: 'AADSTS123456', message: '' })?.fix.en).toContain('/error');
    expect(explainProblem({ code: 'ECONNRESET', message: 'reset' })).toBeNull();
    expect(explainProblem({ code: 'constructor', message: '' })).toBeNull();
  });

  it('is cured by consent only when consent is what is missing', () => {
    const cured = ['roles-missing', 'AADSTS65001', 'AADSTS7000229', 'Authorization_RequestDenied'];
    const others = ['AADSTS7000215', 'AADSTS700016', 'other-tenant', 'secret-id', 'ECONNRESET'];
    expect(cured.every((code) => wantsConsent({ code, message: '', hint: '' }))).toBe(true);
    expect(others.some((code) => wantsConsent({ code, message: '', hint: '' }))).toBe(false);
    expect(problemOf('roles-missing', 'User.Read.All').message).toMatch(/: User\.Read\.All$/);
  });
});

describe('a connection', () => {
  it('counts what was read by stream, and ends with the counts of status', () => {
    const first = withProgress([], { stream: 'users', pages: 1, entries: 200 });
    const second = withProgress(first, { stream: 'groups', pages: 1, entries: 10 });
    expect(withProgress(second, { stream: 'users', pages: 2, entries: 400 })).toEqual([
      { stream: 'users', pages: 2, entries: 400 },
      { stream: 'groups', pages: 1, entries: 10 },
    ]);
    const objects = { user: 10, guest: 2, 'distribution-list': 3, 'security-group': 1, contact: 4 };
    expect(resultOf(objects, 99, 2)).toEqual({
      users: 12,
      groups: 4,
      contacts: 4,
      addresses: 99,
      domains: 2,
    });
    expect(resultOf({}, 0, 0)).toMatchObject({ users: 0, groups: 0 });
  });
});

describe('the end of a secret', () => {
  const entry = (hint: string, endDateTime: unknown) => ({ hint, endDateTime });
  const end = '2028-01-01T00:00:00Z';
  it.each([
    ['one that begins so', [entry('abc', end), entry('xyz', '2027-01-01T00:00:00Z')], Date.parse(end)],
    ['two with the same end', [entry('abc', end), entry('abc', end)], Date.parse(end)],
    ['two with other ends', [entry('abc', end), entry('abc', '2027-01-01T00:00:00Z')], null],
    ['none', [entry('xyz', end)], null],
    ['nonsense', [entry('abc', 'soon'), entry('abc', 5), null], null],
  ])('is known with %s', (_name, passwordCredentials, expected) => {
    expect(endOf({ passwordCredentials }, 'abc')).toBe(expected);
  });

  it('is unknown without an answer, and without a beginning to compare', () => {
    expect([
      endOf(null, 'abc'),
      endOf({}, 'abc'),
      endOf({ passwordCredentials: [entry('', end)] }, ''),
    ]).toEqual([null, null, null]);
    expect([hintOf('short'), hintOf('abcdefghijkl')]).toEqual(['', 'abc']);
  });
});

it('a self-signed certificate is one that verifies, with the key, the name and the time that were wished', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const from = Date.UTC(2026, 10, 22, 1, 2, 3);
  for (const serial of [Buffer.alloc(16, 0), Buffer.alloc(16, 255)]) {
    const wish = { commonName: 'rcptgate', privateKey, from, to: from + 86_400_000, serial };
    const certificate = new X509Certificate(selfSignedCertificate(wish));
    expect(certificate.verify(publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(privateKey)).toBe(true);
    expect([certificate.subject, certificate.issuer]).toEqual(['CN=rcptgate', 'CN=rcptgate']);
    expect([Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]).toEqual([
      from,
      from + 86_400_000,
    ]);
    expect(certificate.serialNumber).toHaveLength(32);
  }
});
