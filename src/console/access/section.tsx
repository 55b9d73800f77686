/** Who may enter the console: by app role, by the configuration, or because an administrator added them here. */
import type { Context } from 'hono';
import { APP_ROLES } from '../entrance/authorise.ts';
import type { Application, Remembered } from '../entrance/daemon-side.ts';
import { actorOf } from '../site/daemon.ts';
import { Form, formOf } from '../site/form.tsx';
import { Time } from '../site/format.tsx';
import { done } from '../site/notice.ts';
import { page } from '../site/page.tsx';
import { Scroll } from '../site/scroll.tsx';
import type { OpenEnv, Section, SectionParts, SiteEnv } from '../site/section.ts';
import { calledText, tenantText } from '../site/tenant-name.tsx';
import { Refused } from '../site/trouble.tsx';
import { type Account, mayChange, maySee, type Visit } from '../site/visit.ts';
import { ACCESS_WORDS } from './words.ts';

/** The area of pages below `/access`. */
export function accessSection({ people }: SectionParts): Section {
  const { entrance, side, sessions } = people;
  return {
    path: '/access',
    title: { en: ACCESS_WORDS.en.title, ja: ACCESS_WORDS.ja.title },
    adminOnly: true,
    mount(app) {
      app.get('/', async (context) => {
        const visit = context.get('visit');
        const [remembered, applications] = await Promise.all([side.remembered(), side.applications()]);
        const seen = <Each extends { tenant: string }>(list: readonly Each[]) =>
          list.filter(({ tenant }) => maySee(visit.visitor, tenant));
        const listed = [
          ...seen(people.admins).map((account) => ({ ...account, role: 'admin' as const })),
          ...seen(people.readers).map((account) => ({ ...account, role: 'reader' as const })),
        ];
        return accessPage(context, {
          remembered: seen(remembered),
          listed,
          applications: seen(applications),
        });
      });
      app.post('/add', async (context) => {
        const form = await formOf(context);
        const tenant = form.text('tenant').toLowerCase();
        const by = context.get('visit');
        if (!mayChange(by.visitor, tenant)) throw new Refused('notAllowed', 403);
        const role = form.text('role') === 'reader' ? 'reader' : 'admin';
        const ask = { tenant, to: '/access', choose: true, remember: { role, by } } as const;
        return entrance.begin(context as unknown as Context<OpenEnv>, ask);
      });
      app.post('/remove', async (context) => {
        const form = await formOf(context);
        const visit = context.get('visit');
        const account = {
          tenant: form.text('tenant').toLowerCase(),
          object: form.text('object').toLowerCase(),
        };
        if (!mayChange(visit.visitor, account.tenant)) throw new Refused('notAllowed', 403);
        const found = (await side.remembered()).find((each) => isSame(each, account));
        await side.forget(account, actorOf(visit));
        const text = ACCESS_WORDS[visit.language].removed(found?.name ?? account.object);
        const answer = done(context, '/access', { kind: 'done', text });
        // They come back in when they have another right to; whoever removes themselves is out at once.
        sessions.closeOf(account);
        return answer;
      });
    },
  };
}

function isSame(one: Account, other: Account): boolean {
  return one.tenant === other.tenant && one.object === other.object;
}

interface Shown {
  readonly remembered: readonly Remembered[];
  readonly listed: ReadonlyArray<Account & { readonly role: 'admin' | 'reader' }>;
  readonly applications: readonly Application[];
}

function accessPage(context: Context<SiteEnv>, { remembered, listed, applications }: Shown): Response {
  const visit = context.get('visit');
  const words = ACCESS_WORDS[visit.language];
  const ready = applications.filter((application) => application.ready);
  const body = (
    <>
      <You visit={visit} applications={applications} />
      <section class="card" aria-labelledby="remembered">
        <h2 id="remembered">{words.remembered}</h2>
        {remembered.length === 0 ? (
          <p>{words.nobody}</p>
        ) : (
          <RememberedTable visit={visit} people={remembered} applications={applications} />
        )}
      </section>
      <section class="card" aria-labelledby="add">
        <h2 id="add">{words.add}</h2>
        {ready.length === 0 ? <p>{words.notReady}</p> : <AddForm visit={visit} applications={ready} />}
      </section>
      <section class="card" aria-labelledby="roles">
        <h2 id="roles">{words.roles}</h2>
        <p>{words.rolesText}</p>
        <dl>
          <dt>
            <code>{APP_ROLES.admin}</code>
          </dt>
          <dd>{words.admin}</dd>
          <dt>
            <code>{APP_ROLES.reader}</code>
          </dt>
          <dd>{words.reader}</dd>
        </dl>
      </section>
      <section class="card" aria-labelledby="listed">
        <h2 id="listed">{words.listed}</h2>
        <p>{words.listedText}</p>
        {listed.length === 0 ? (
          <p>{words.nobody}</p>
        ) : (
          <ul>
            {listed.map(({ tenant, object, role }) => (
              <li>
                <AccountName account={{ tenant, object }} applications={applications} /> – {words[role]}
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
  return page(context, { title: words.title, body });
}

/** An account as the configuration names it, with the domains of its tenant before it. */
function AccountName(props: { account: Account; applications: readonly Application[] }) {
  const { tenant, object } = props.account;
  const domains = props.applications.find((each) => each.tenant === tenant)?.domains ?? [];
  return (
    <>
      {calledText({ domains })} <code>{`${tenant}/${object}`}</code>
    </>
  );
}

function You({ visit, applications }: { visit: Visit; applications: readonly Application[] }) {
  const words = ACCESS_WORDS[visit.language];
  const { name, tenants, account } = visit.visitor;
  return (
    <section class="card" aria-labelledby="you">
      <h2 id="you">{words.you}</h2>
      <p>
        <strong>{name}</strong> – {words.admin}: {tenants === null ? words.adminText : words.tenantAdminText}
      </p>
      {account ? (
        <p class="hint">
          <AccountName account={account} applications={applications} />
        </p>
      ) : (
        <p class="hint">{words.byLink}</p>
      )}
    </section>
  );
}

function RememberedTable(props: {
  visit: Visit;
  people: readonly Remembered[];
  applications: readonly Application[];
}) {
  const { visit, people, applications } = props;
  const words = ACCESS_WORDS[visit.language];
  return (
    <Scroll label={words.remembered}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.name}</th>
            <th scope="col">{words.account}</th>
            <th scope="col">{words.role}</th>
            <th scope="col">{words.since}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {people.map(({ tenant, object, name, role, since }) => (
            <tr>
              <th scope="row">{name}</th>
              <td>
                <AccountName account={{ tenant, object }} applications={applications} />
              </td>
              <td>{words[role]}</td>
              <td>
                <Time at={since} />
              </td>
              <td>
                <Form visit={visit} action="/access/remove">
                  <input type="hidden" name="tenant" value={tenant} />
                  <input type="hidden" name="object" value={object} />
                  <button type="submit" class="danger" aria-label={`${words.removeOf} ${name}`}>
                    {words.remove}
                  </button>
                </Form>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function AddForm({ visit, applications }: { visit: Visit; applications: readonly Application[] }) {
  const words = ACCESS_WORDS[visit.language];
  return (
    <Form visit={visit} action="/access/add">
      <p>{words.addText}</p>
      <p class="field">
        <label for="tenant">{words.tenant}</label>
        <select id="tenant" name="tenant">
          {applications.map(({ tenant, domains }) => (
            <option value={tenant}>{tenantText({ tenant, domains })}</option>
          ))}
        </select>
      </p>
      <p class="field">
        <label for="role">{words.role}</label>
        <select id="role" name="role">
          <option value="admin">{words.admin}</option>
          <option value="reader">{words.reader}</option>
        </select>
      </p>
      <p class="actions">
        <button type="submit" class="primary">
          {words.addButton}
        </button>
      </p>
    </Form>
  );
}
