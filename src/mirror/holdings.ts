/** What the mirror holds of a tenant, counted by kind and domain. It reads every address, so it takes a while. */
import type { Database } from 'better-sqlite3';
import type { Holdings } from '../core/coverage.ts';
import type { Tenants } from './tenants.ts';

/** What follows the last `@`: trimming all other characters of the address from its right end leaves just that `@`. */
const DOMAIN = `substr(a.address, length(rtrim(a.address, replace(a.address, '@', ''))) + 1)`;

/** Prepares the statements. */
export function openHoldings(database: Database, tenants: Tenants): (tenant: string) => Holdings {
  const objects = database
    .prepare<[number], [string, number]>(
      "SELECT kind, count(*) FROM object WHERE tenant = ? AND state = 'live' GROUP BY kind",
    )
    .raw();
  const addresses = database.prepare<[number], Holdings['addresses'][number]>(
    `SELECT o.kind, ${DOMAIN} AS domain, count(DISTINCT a.address) AS count
     FROM address AS a JOIN object AS o ON o.pk = a.object WHERE a.tenant = ? GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  const imported = database.prepare<[number], Holdings['imported'][number]>(
    `SELECT a.type, ${DOMAIN} AS domain, count(*) AS count
     FROM imported AS a WHERE a.tenant = ? GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  return (tenant) => {
    const { pk, synced_at: syncedAt, domains, last_round: report } = tenants.row(tenant);
    const read = tenants.streams(pk).flatMap(({ stream, fullAt }) => (fullAt === null ? [] : [stream]));
    const tried = streamsTried(report);
    return {
      tenant,
      syncedAt,
      verified: JSON.parse(domains) as string[],
      streams: read.filter((stream) => tried.length === 0 || tried.includes(stream)),
      objects: Object.fromEntries(objects.all(pk)),
      addresses: addresses.all(pk),
      imported: imported.all(pk),
    };
  };
}

/** The streams of the last round, which are those that the permissions allowed; none when it did not get that far. */
function streamsTried(report: string | null): readonly string[] {
  const { streams = [] } = JSON.parse(report ?? '{}') as {
    streams?: ReadonlyArray<{ readonly stream: string }>;
  };
  return streams.map(({ stream }) => stream);
}
