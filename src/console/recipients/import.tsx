/** The import from Exchange: the upload, its preview, and the removal of the import in use. */
import { Form } from '../site/form.tsx';
import { agoText, numberText } from '../site/format.tsx';
import { Quoted, quotedText } from '../site/quoted.tsx';
import { Scroll } from '../site/scroll.tsx';
import type { Language, Visit } from '../site/visit.ts';
import type { PendingImport } from './pending-imports.ts';
import type { TenantChoice } from './questions.ts';
import { TenantField } from './search.tsx';
import { LARGEST_UPLOAD } from './upload.ts';
import { RECIPIENT_WORDS } from './words.ts';

const BASE = '/recipients/import';

/** What Exchange exports every recipient with; the README has it too. */
const EXPORT = `Get-Recipient -ResultSize Unlimited |
  Select-Object DisplayName, PrimarySmtpAddress, RecipientTypeDetails,
    @{ n = 'EmailAddresses'; e = { $_.EmailAddresses -join ' ' } } |
  Export-Csv recipients.csv -NoTypeInformation -Encoding UTF8`;

interface StartProps {
  readonly visit: Visit;
  /** Those that the visitor may see. */
  readonly tenants: readonly TenantChoice[];
  readonly now: number;
}

/** What is imported now, and for admins the upload. */
export function ImportBody({ visit, tenants, now }: StartProps) {
  const words = RECIPIENT_WORDS[visit.language];
  const admin = visit.visitor.role === 'admin';
  return (
    <>
      <p>{words.import.intro}</p>
      {tenants.map((tenant) => (
        <CurrentImport visit={visit} tenant={tenant} now={now} />
      ))}
      {admin && tenants.length > 0 && (
        <>
          <section class="card" aria-labelledby="command">
            <h2 id="command">{words.import.command}</h2>
            <pre id="export-command" tabindex={0}>
              {EXPORT}
            </pre>
            <button type="button" data-copy="export-command" data-copied={words.import.copied} hidden>
              {words.import.copy}
            </button>
          </section>
          <section class="card" aria-labelledby="upload">
            <h2 id="upload">{words.import.upload}</h2>
            <UploadForm visit={visit} tenants={tenants} />
          </section>
        </>
      )}
      <p>
        <a href="/recipients">{words.back}</a>
      </p>
    </>
  );
}

function UploadForm({ visit, tenants }: Pick<StartProps, 'visit' | 'tenants'>) {
  const words = RECIPIENT_WORDS[visit.language].import;
  return (
    <Form visit={visit} action={`${BASE}/upload`} upload>
      <TenantField language={visit.language} tenants={tenants} chosen="" />
      <p class="field">
        <label for="list">{words.file}</label>
        <input
          id="list"
          name="list"
          type="file"
          accept=".csv,text/csv"
          required
          aria-describedby="list-hint"
        />
        <span class="hint" id="list-hint">
          {words.limit(`${LARGEST_UPLOAD / 1024 / 1024} MB`)}
        </span>
      </p>
      <p class="actions">
        <button type="submit" class="primary">
          {words.upload}
        </button>
      </p>
    </Form>
  );
}

interface CurrentProps {
  readonly visit: Visit;
  readonly tenant: TenantChoice;
  readonly now: number;
}

function CurrentImport({ visit, tenant: { tenant, imported }, now }: CurrentProps) {
  const { language } = visit;
  const words = RECIPIENT_WORDS[language].import;
  const id = `current-${tenant}`;
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>
        {words.current}: {tenant}
      </h2>
      {imported === null ? (
        <p>{words.currentNone}</p>
      ) : (
        <p>
          <Quoted
            text={words.currentText(
              numberText(language, imported.addresses),
              imported.file,
              agoText(language, imported.importedAt, now),
            )}
          />
        </p>
      )}
      {imported !== null && visit.visitor.role === 'admin' && (
        <Form visit={visit} action={`${BASE}/remove`}>
          <input type="hidden" name="tenant" value={tenant} />
          <p class="hint">{words.removeHint}</p>
          <p>
            <label>
              <input type="checkbox" name="sure" value="yes" /> {words.removeConfirm}
            </label>
          </p>
          <p class="actions">
            <button type="submit" class="danger">
              {words.remove}
            </button>
          </p>
        </Form>
      )}
    </section>
  );
}

interface PreviewProps {
  readonly visit: Visit;
  readonly pending: PendingImport;
  readonly name: string;
}

/** What the import would do, and the button that does it. */
export function PreviewBody({ visit, pending, name }: PreviewProps) {
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
          {words.previewText(number(counts.rows), number(counts.addresses))} {tenant}
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

function Decision({ visit, pending, name }: PreviewProps) {
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
