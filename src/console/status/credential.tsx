/** The credential of a tenant: what it is, how long it lasts, what is wrong with it; and the banner before its end. */
import { agoText } from '../site/format.tsx';
import { Quoted } from '../site/quoted.tsx';
import { tenantText } from '../site/tenant-name.tsx';
import type { Language } from '../site/visit.ts';
import type { CredentialView, TenantView, TroubleView } from './gateway.ts';
import { STATUS_WORDS } from './words.ts';

/** The end is counted down on every page from here, ms. */
export const COUNTDOWN = 60 * 86_400_000;

/** The end of a tenant's credential when it is near or past, ms since 1970; null otherwise. */
export function nearEnd({ credential }: Pick<TenantView, 'credential'>, now: number): number | null {
  const expires = credential?.use?.expires ?? null;
  return expires !== null && expires - now <= COUNTDOWN ? expires : null;
}

interface Props {
  readonly language: Language;
  readonly now: number;
}

/** One line for each credential that ends soon; null when none does. */
export function ExpiryBanner({
  tenants,
  language,
  now,
}: Props & { readonly tenants: readonly TenantView[] }) {
  const words = STATUS_WORDS[language];
  const ending = tenants.flatMap((tenant) => {
    const end = nearEnd(tenant, now);
    return end === null ? [] : [{ tenant: tenantText(tenant), end, settings: `/oauth/${tenant.tenant}` }];
  });
  if (ending.length === 0) return null;
  return (
    <>
      {ending.map(({ tenant, end, settings }) => {
        const when = agoText(language, end, now);
        const text = end <= now ? words.bannerEnded(tenant, when) : words.bannerEnds(tenant, when);
        return (
          <p class="problem">
            {text} <a href={settings}>{words.renew}</a>
          </p>
        );
      })}
    </>
  );
}

/** What the card of a tenant says of its credential. */
export function CredentialText({
  credential,
  language,
  now,
}: Props & { readonly credential: CredentialView | null | undefined }) {
  const words = STATUS_WORDS[language];
  const use = credential?.use ?? null;
  if (use === null) return <>{words.noCredential}</>;
  const state = use.source === 'kept' ? words.kept : credential?.proven ? words.works : words.notProven;
  const parts = [words.credentialKind[use.kind] ?? use.kind, state, endText(use.expires, language, now)];
  return <>{parts.join(language === 'ja' ? '、' : ', ')}</>;
}

function endText(expires: number | null, language: Language, now: number): string {
  const words = STATUS_WORDS[language];
  if (expires === null) return words.expiryUnknown;
  const when = agoText(language, expires, now);
  return expires <= now ? words.endedAt(when) : words.endsIn(when);
}

/** What went wrong and what to do about it. */
export function TroubleText({
  trouble,
  language,
}: {
  readonly trouble: TroubleView;
  readonly language: Language;
}) {
  return (
    <div class="problem">
      <Quoted text={`${trouble.code}: ${trouble.message}`} />
      {trouble.hint ? (
        <>
          <br />
          {STATUS_WORDS[language].whatToDo} <Quoted text={trouble.hint} />
        </>
      ) : null}
    </div>
  );
}
