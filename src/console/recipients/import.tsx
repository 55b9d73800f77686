/** The import from Exchange: what is imported, the upload, and the removal of the import in use. */
import { Form } from '../site/form.tsx';
import { agoText, numberText } from '../site/format.tsx';
import { Quoted } from '../site/quoted.tsx';
import { TenantName } from '../site/tenant-name.tsx';
import type { Language, Visit } from '../site/visit.ts';
import type { TenantChoice } from './questions.ts';
import { TenantField } from './search.tsx';
import { LARGEST_UPLOAD, MOST_ADDRESSES } from './upload.ts';
import { RECIPIENT_WORDS } from './words.ts';

const BASE = '/recipients/import';

/** What Exchange exports every recipient with; the README has it too. */
const EXPORT = `Get-Recipient -ResultSize Unlimited |
  Select-Object DisplayName, PrimarySmtpAddress, RecipientTypeDetails,
    @{ n = 'EmailAddresses'; e = { $_.EmailAddresses -join ' ' } } |
  Export-Csv recipients.csv -NoTypeInformation -Encoding UTF8`;

/** The largest upload in words. */
export function limitText(language: Language): string {
  return RECIPIENT_WORDS[language].import.size(
    `${LARGEST_UPLOAD / 1024 / 1024} MB`,
    numberText(language, MOST_ADDRESSES),
  );
}

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
          {words.limit(limitText(visit.language))}
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

function CurrentImport({ visit, tenant: named, now }: CurrentProps) {
  const { tenant, imported } = named;
  const { language } = visit;
  const words = RECIPIENT_WORDS[language].import;
  const id = `current-${tenant}`;
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>
        {words.current}: <TenantName {...named} />
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
