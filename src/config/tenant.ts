/** A `[[tenant]]` table as the program uses it. */
import { CLOUDS } from '../core/cloud.ts';
import type { CredentialFiles } from '../core/credential-files.ts';
import type { ConfigFile } from './schema.ts';

export interface TenantConfig {
  readonly id: string;
  /** null, as is the credential: the tenant is set up in the console. */
  readonly applicationId: string | null;
  readonly credential: CredentialFiles | null;
  readonly login: string;
  readonly graph: string;
  /** The file says which cloud, so the console does not ask. */
  readonly cloudFixed: boolean;
  /** Own cron expression; null for the one of all tenants. */
  readonly schedule: string | null;
}

/** A tenant, with the addresses of its cloud. */
export function tenantFrom(table: ConfigFile['tenant'][number]): TenantConfig {
  const cloud = CLOUDS[table.cloud ?? 'global'];
  return {
    id: table.id,
    applicationId: table.application_id ?? null,
    credential: credentialFrom(table),
    login: (table.login ?? cloud.login).replace(/\/$/, ''),
    graph: (table.graph ?? cloud.graph).replace(/\/$/, ''),
    cloudFixed: (table.cloud ?? table.login) !== undefined,
    schedule: table.schedule ?? null,
  };
}

/** The checks between keys have seen to it that there is one kind at most. */
function credentialFrom(table: ConfigFile['tenant'][number]): CredentialFiles | null {
  if (table.certificate_file !== undefined && table.key_file !== undefined) {
    const keyPassphraseFile = table.key_passphrase_file ?? null;
    return {
      kind: 'certificate',
      certificateFile: table.certificate_file,
      keyFile: table.key_file,
      keyPassphraseFile,
    };
  }
  if (table.assertion_file !== undefined) return { kind: 'assertion', assertionFile: table.assertion_file };
  if (table.secret_file === undefined) return null;
  return { kind: 'secret', secretFile: table.secret_file, expires: timeOf(table.secret_expires) };
}

function timeOf(instant: Date | string | undefined): number | null {
  return instant === undefined ? null : new Date(instant).getTime();
}
