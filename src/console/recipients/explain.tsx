/** The answer to an address in words: what would be said at RCPT TO, and why. Also what a reference stands for. */
import type { Reason } from '../../core/verdict.ts';
import { agoText, Time } from '../site/format.tsx';
import { Quoted, quotedText } from '../site/quoted.tsx';
import { type Language, mayChange, type Visit } from '../site/visit.ts';
import type { Explained, RememberedRefusal } from './questions.ts';
import { REASON_WORDS } from './reasons.ts';
import { RECIPIENT_WORDS } from './words.ts';

/** What was asked for, and what came of it. */
export interface ExplainAnswer {
  readonly asked: string;
  /** undefined: not asked; null: the address is not the visitor's. */
  readonly explained?: Explained | null;
  /** Set when a reference was asked for; entries null when they cannot be looked up. */
  readonly reference?: { readonly ref: string; readonly entries: readonly RememberedRefusal[] | null };
}

interface Props {
  readonly visit: Visit;
  readonly answer: ExplainAnswer;
  readonly now: number;
}

/** The form, and below it the answer. */
export function ExplainBody({ visit, answer, now }: Props) {
  const words = RECIPIENT_WORDS[visit.language].explain;
  const { explained, reference, asked } = answer;
  return (
    <>
      <form method="get" action="/recipients/explain" class="card">
        <p class="field">
          <label for="address">{words.field}</label>
          <input id="address" name="address" value={asked} maxlength={600} aria-describedby="address-hint" />
          <span class="hint" id="address-hint">
            {words.hint}
          </span>
        </p>
        <p class="actions">
          <button type="submit" class="primary">
            {words.button}
          </button>
        </p>
      </form>
      {reference && <ReferenceCard reference={reference} language={visit.language} />}
      {explained === null && <p class="problem">{words.foreign}</p>}
      {explained && (
        <section class="card" aria-labelledby="answer">
          <h2 id="answer">{reference ? words.nowText : <Quoted text={explained.address} />}</h2>
          <Explanation visit={visit} explained={explained} now={now} />
        </section>
      )}
      <p>
        <a href="/recipients">{RECIPIENT_WORDS[visit.language].back}</a>
      </p>
    </>
  );
}

const LOOK: Readonly<Record<string, string>> = { accept: 'good', reject: 'bad', defer: 'wait' };

/** A reason in words; one that this console does not know by its name. */
export function reasonText(reason: string, language: Language): string {
  return REASON_WORDS[language][reason as Reason] ?? quotedText(reason);
}

function Explanation({
  visit,
  explained,
  now,
}: Pick<Props, 'visit' | 'now'> & { readonly explained: Explained }) {
  const { language } = visit;
  const words = RECIPIENT_WORDS[language].explain;
  const { verdict, reason, reply, normalised, matched, domain, tenant, lookup } = explained;
  const mayOverride =
    normalised !== null && mayChange(visit.visitor, tenant) && explained.override?.source !== 'file';
  return (
    <>
      <p>
        <span class={`state ${LOOK[verdict] ?? ''}`}>{words.verdicts[verdict] ?? verdict}</span>{' '}
        {reasonText(reason, language)}
      </p>
      <dl>
        <dt>{words.reply}</dt>
        <dd>
          <code>{quotedText(reply)}</code>
        </dd>
        <Line name={words.normalised} value={normalised} />
        <Line name={words.matched} value={matched === normalised ? null : matched} />
        <Line name={words.domain} value={domain === null ? null : `${domain} (${tenant})`} />
        <Line name={words.directory} value={directoryText(explained, language, now)} />
        <Line
          name={words.lookup}
          value={
            lookup
              ? `${words.lookups[lookup.outcome] ?? lookup.outcome} (${Math.max(1, Math.round(lookup.ms))} ms)`
              : null
          }
        />
        <Owners explained={explained} language={language} />
        <OverrideLine explained={explained} language={language} />
        {explained.imported && (
          <Line
            name={words.imported}
            value={words.importedText(
              explained.imported.file,
              agoText(language, explained.imported.importedAt, now),
            )}
          />
        )}
        {verdict === 'accept' && <Line name={words.nextHop} value={explained.nextHop ?? words.nextHopNone} />}
      </dl>
      {mayOverride && (
        <p>
          <a href={`/recipients/overrides/edit?${new URLSearchParams({ match: normalised })}`}>
            {words.addOverride}
          </a>
        </p>
      )}
    </>
  );
}

function Line({ name, value }: { readonly name: string; readonly value: string | null }) {
  if (value === null) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <Quoted text={value} />
      </dd>
    </>
  );
}

function directoryText(
  { freshness, directoryAge }: Explained,
  language: Language,
  now: number,
): string | null {
  const words = RECIPIENT_WORDS[language].explain;
  if (freshness === null) return null;
  const name = words.freshness[freshness] ?? freshness;
  return directoryAge === null
    ? words.directoryNever
    : words.directoryAge(name, agoText(language, now - directoryAge, now));
}

function Owners({ explained, language }: { readonly explained: Explained; readonly language: Language }) {
  const words = RECIPIENT_WORDS[language];
  const { objects, domain, normalised } = explained;
  if (normalised === null || domain === null) return null;
  if (objects === null) return <Line name={words.explain.owners} value={words.explain.ownersBusy} />;
  if (objects.length === 0) return <Line name={words.explain.owners} value={words.explain.ownersNone} />;
  return (
    <>
      <dt>{words.explain.owners}</dt>
      {objects.map(({ kind, displayName, id, stream, tenant, attribute }) => {
        const name = <Quoted text={displayName || id} />;
        const query = new URLSearchParams({ tenant: tenant ?? '', stream: stream ?? '', id });
        return (
          <dd>
            {stream && tenant ? <a href={`/recipients/object?${query}`}>{name}</a> : name} (
            {words.kinds[kind] ?? kind}, <Quoted text={attribute} />)
          </dd>
        );
      })}
    </>
  );
}

function OverrideLine({
  explained,
  language,
}: {
  readonly explained: Explained;
  readonly language: Language;
}) {
  const { overrides, explain } = RECIPIENT_WORDS[language];
  const { override } = explained;
  if (!override) return null;
  const action = overrides.actions[override.action] ?? override.action;
  const text = explain.overrideText(action, override.match, overrides.sources[override.source] ?? '');
  const end =
    override.expires === null ? '' : `, ${overrides.expires}: ${new Date(override.expires).toISOString()}`;
  return <Line name={explain.override} value={`${text}${end}${override.note ? `: ${override.note}` : ''}`} />;
}

function ReferenceCard({
  reference,
  language,
}: {
  readonly reference: NonNullable<ExplainAnswer['reference']>;
  readonly language: Language;
}) {
  const words = RECIPIENT_WORDS[language].explain;
  const { ref, entries } = reference;
  if (entries === null || entries.length === 0) {
    return <p class="problem">{entries === null ? words.referenceUnknown : words.referenceNone(ref)}</p>;
  }
  return (
    <section class="card" aria-labelledby="reference">
      <h2 id="reference">{words.reference(ref)}</h2>
      {entries.map(({ at, row }) => (
        <dl>
          <dt>{words.at}</dt>
          <dd>
            <Time at={at} />
          </dd>
          <Line name={words.recipient} value={row.rcpt ?? row.address} />
          <Line name={words.client} value={row.client} />
          <Line name={words.sender} value={row.mailFrom === null ? null : `<${row.mailFrom}>`} />
          <Line name={words.told} value={`${row.code}${row.detail === null ? '' : `: ${row.detail}`}`} />
          <Line name={words.reason} value={reasonText(row.reason, language)} />
        </dl>
      ))}
    </section>
  );
}
