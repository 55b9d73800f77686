/** The preview of an import: what it adds, what goes, what is left out, and the decision. */
import { Form } from '../site/form.tsx';
import { numberText } from '../site/format.tsx';
import { Quoted, quotedText } from '../site/quoted.tsx';
import { Scroll } from '../site/scroll.tsx';
import { TenantName } from '../site/tenant-name.tsx';
import type { Language, Visit } from '../site/visit.ts';
import type { PendingImport } from './pending-imports.ts';
import { RECIPIENT_WORDS } from './words.ts';

const BASE = '/recipients/import';

interface PreviewProps {
  readonly visit: Visit;
  readonly pending: PendingImport;
  readonly name: string;
  /** Domains of the tenant. */
  readonly domains: readonly string[];
}

/** What the import would do, and the button that does it. */
export function PreviewBody({ visit, pending, name, domains }: PreviewProps) {
  const { language } = visit;
  const words = RECIPIENT_WORDS[language].import;
  const { counts, result, file, tenant } = pending;
  const number = (value: number): string => numberText(language, value);
  return (
    <>
      <section class="card" aria-labelledby="file">
        <h2 id="file">
          <Quoted text={file} />
        </h2>
        <p>
          {words.previewText(number(counts.rows), number(counts.addresses))}{' '}
          <TenantName tenant={tenant} domains={domains} />
        </p>
        {counts.addressless > 0 && <p>{words.addressless(number(counts.addressless))}</p>}
        {counts.unusable > 0 && (
          <p class="problem">
            <Quoted text={words.unusable(number(counts.unusable), counts.firstUnusable ?? '')} />
          </p>
        )}
        {counts.warnings.map((warning) => (
          <p class="problem">{words.exportWarnings?.[warning] ?? warning}</p>
        ))}
        <PlanTable language={language} result={result} />
        <Samples label={words.samplesAdded} addresses={result.plan.samples.added} />
        <Samples label={words.samplesGone} addresses={result.plan.samples.gone} />
      </section>
      <Foreign language={language} foreign={result.foreign} />
      <Decision visit={visit} pending={pending} name={name} />
    </>
  );
}

function PlanTable({
  language,
  result,
}: {
  readonly language: Language;
  readonly result: PendingImport['result'];
}) {
  const words = RECIPIENT_WORDS[language].import;
  const { rows, before, after, gone } = result.plan;
  const all = { type: words.all, added: after - (before - gone), gone, unchanged: before - gone };
  return (
    <Scroll label={words.preview}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.type}</th>
            {[words.added, words.gone, words.unchanged].map((name) => (
              <th scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...rows, all].map(({ type, ...amounts }) => (
            <tr>
              <th scope="row">{quotedText(type)}</th>
              {[amounts.added, amounts.gone, amounts.unchanged].map((amount) => (
                <td class="number">{numberText(language, amount)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Samples({ label, addresses }: { readonly label: string; readonly addresses: readonly string[] }) {
  if (addresses.length === 0) return null;
  return (
    <>
      <h3>{label}</h3>
      <ul>
        {addresses.map((address) => (
          <li>
            <Quoted text={address} />
          </li>
        ))}
      </ul>
    </>
  );
}

/** Domains named. */
const NAMED = 10;

function Foreign({
  language,
  foreign,
}: {
  readonly language: Language;
  readonly foreign: Readonly<Record<string, number>>;
}) {
  const words = RECIPIENT_WORDS[language].import;
  const domains = Object.entries(foreign).sort(([, one], [, two]) => two - one);
  if (domains.length === 0) return null;
  return (
    <section class="card" aria-labelledby="foreign">
      <h2 id="foreign">{words.foreign}</h2>
      <ul>
        {domains.slice(0, NAMED).map(([domain, count]) => (
          <li>
            <Quoted text={domain} />: {numberText(language, count)}
          </li>
        ))}
      </ul>
      {domains.length > NAMED && <p>{words.foreignMore(numberText(language, domains.length - NAMED))}</p>}
    </section>
  );
}

function Decision({ visit, pending, name }: Omit<PreviewProps, 'domains'>) {
  const { language } = visit;
  const words = RECIPIENT_WORDS[language].import;
  const { hold, gone, before } = pending.result.plan;
  return (
    <section class="card" aria-labelledby="decision">
      <h2 id="decision">{words.nothingYet}</h2>
      <Form visit={visit} action={`${BASE}/confirm`}>
        <input type="hidden" name="upload" value={name} />
        {hold !== null && (
          <>
            <p class="problem">
              {hold === 'empty'
                ? words.holdEmpty
                : words.holdSmaller(numberText(language, gone), numberText(language, before))}
            </p>
            <p>
              <label>
                <input type="checkbox" name="force" value="yes" /> {words.force}
              </label>
            </p>
          </>
        )}
        <p class="actions">
          <button type="submit" class="primary">
            {words.confirm}
          </button>
        </p>
      </Form>
      <Form visit={visit} action={`${BASE}/cancel`} class="actions">
        <input type="hidden" name="upload" value={name} />
        <button type="submit">{words.cancel}</button>
      </Form>
    </section>
  );
}
