/** What a tenant is called on a page: by its domains, which people know, with the id beside them. */

/** A tenant with what people know it by. */
export interface NamedTenant {
  readonly tenant: string;
  /** Accepted domains, in the order of the configuration. */
  readonly domains: readonly string[];
  /** As Microsoft Graph gave it; null or absent when it is not known. */
  readonly organization?: string | null;
}

/** Domains that are named; of the others there is only a sign. */
const NAMED = 2;

/** Organisation and domains; empty when neither is known. */
export function calledText({ domains, organization }: Omit<NamedTenant, 'tenant'>): string {
  const shown = domains.slice(0, NAMED).join(', ') + (domains.length > NAMED ? ', …' : '');
  if (!organization) return shown;
  return shown === '' ? organization : `${organization} – ${shown}`;
}

/** `Contoso – contoso.example (ID)`, for headings, options and lines of plain text. */
export function tenantText(named: NamedTenant): string {
  const called = calledText(named);
  return called === '' ? named.tenant : `${called} (${named.tenant})`;
}

/** The same with the id set apart. */
export function TenantName(named: NamedTenant) {
  const called = calledText(named);
  return (
    <>
      {called !== '' && (
        <>
          <bdi>{called}</bdi>{' '}
        </>
      )}
      <code class="id">{named.tenant}</code>
    </>
  );
}
