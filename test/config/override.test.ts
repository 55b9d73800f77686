/** One rule for overrides, whether they come from the file or from the command line. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { type ReadOverride, readOverride } from '../../src/config/override.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const DAY = 86_400_000;

/** The override of a file whose `[[override]]` has these lines. */
function fromFile(lines: string): ReadOverride {
  const parsed = parseConfig(
    `[[tenant]]
id = "11111111-2222-3333-4444-555555555555"
application_id = "66666666-7777-8888-9999-000000000000"
secret_file = "/x"
[[domain]]
name = "contoso.example"
next_hop = "127.0.0.1"
[[override]]
${lines}`,
    { schedule: () => null },
  );
  if (!parsed.ok) return parsed;
  const [override] = parsed.config.policy.overrides;
  if (!override) throw new Error('no override was read');
  return { ok: true, override };
}

function fromCommand(given: Record<string, unknown>): ReadOverride {
  return readOverride({ match: 'a@contoso.example', action: 'allow', ...given }, NOW);
}

const BASE = 'match = "a@contoso.example"\naction = "allow"\n';

describe('an expiry', () => {
  it.each<[toml: string, given: string, expires: number]>([
    ['2027-12-31', '2027-12-31', Date.UTC(2028, 0, 1) - 1],
    ['"2027-12-31"', '2027-12-31', Date.UTC(2028, 0, 1) - 1],
    ['2027-12-31T18:00:00Z', '2027-12-31T18:00:00Z', Date.UTC(2027, 11, 31, 18)],
    ['2027-12-31T18:00:00+02:00', '2027-12-31T18:00:00+02:00', Date.UTC(2027, 11, 31, 16)],
    ['2020-02-29', '2020-02-29', Date.UTC(2020, 2, 1) - 1],
  ])('%s lasts to its end', (toml, given, expires) => {
    expect(fromFile(`${BASE}expires = ${toml}`)).toMatchObject({ ok: true, override: { expires } });
    expect(fromCommand({ expires: given })).toMatchObject({ ok: true, override: { expires } });
  });

  it.each(['2027-12-31T18:00:00', '"2027-02-30"', '"soon"', '18:00:00', '"30d"'])(
    '%s is none in a file',
    (toml) => {
      const read = fromFile(`${BASE}expires = ${toml}`);
      expect(read).toMatchObject({ ok: false, problems: [{ key: 'override[0].expires' }] });
    },
  );

  it.each([
    ['30d', NOW + 30 * DAY],
    ['1s', NOW + 1000],
    ['999999999d', Date.UTC(9999, 11, 31)],
  ])('%s counts from now on the command line', (expires, time) => {
    expect(fromCommand({ expires })).toMatchObject({ ok: true, override: { expires: time } });
  });

  it.each(['soon', '30 days', '2027-12-31T18:00', 30])('%j is none on the command line', (expires) => {
    expect(fromCommand({ expires })).toMatchObject({ ok: false, problems: [{ key: 'expires' }] });
  });
});

describe('an override by command', () => {
  it('comes out in normal form and complete', () => {
    expect(fromCommand({ match: 'Info@Bücher.example', action: 'deny', text: 'Gone', note: 'n' })).toEqual({
      ok: true,
      override: {
        match: 'info@xn--bcher-kva.example',
        action: 'deny',
        text: 'Gone',
        note: 'n',
        expires: null,
      },
    });
  });

  it('names every problem at once', () => {
    const given = { match: 'folder', action: 'forbid', text: 'two\nlines', colour: 'red' };
    const read = readOverride(given, NOW);
    const keys = read.ok ? [] : read.problems.map(({ key }) => key);
    expect(keys.sort()).toEqual(['action', 'colour', 'match', 'text']);
  });

  it.each([null, 'text', 7, []])('of %j is refused', (given) => {
    expect(readOverride(given, NOW).ok).toBe(false);
  });
});
