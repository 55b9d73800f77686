/** A held plan: what waits for a decision, address by address, and its approval by hash. */
import type { HeldPage } from '../../core/recipient-search.ts';
import type { HeldPlan } from '../../core/reconcile.ts';
import { Form } from '../site/form.tsx';
import { agoText, numberText, Time } from '../site/format.tsx';
import { Quoted } from '../site/quoted.tsx';
import { Scroll } from '../site/scroll.tsx';
import { mayChange, type Visit } from '../site/visit.ts';
import { STATUS_WORDS } from './words.ts';

interface PlanProps {
  readonly visit: Visit;
  readonly plan: HeldPlan;
  readonly now: number;
}

/** The plan in short, with a link to all of it. */
export function PlanCard({ visit, plan, now }: PlanProps) {
  const words = STATUS_WORDS[visit.language];
  return (
    <div class="problem">
      <h3>{words.plan}</h3>
      <PlanText visit={visit} plan={plan} now={now} />
      <p>
        {plan.top.map((address, index) => (
          <>
            {index > 0 && ', '}
            <Quoted text={address} />
          </>
        ))}
        {plan.addresses > plan.top.length && ' …'}
      </p>
      <p>
        <a href={`/status/${encodeURIComponent(plan.tenant)}/held`}>{words.showPlan}</a>
      </p>
    </div>
  );
}

function PlanText({ visit, plan, now }: PlanProps) {
  const { language } = visit;
  const words = STATUS_WORDS[language];
  return (
    <>
      <p>{words.planText(numberText(language, plan.addresses), agoText(language, plan.since, now))}</p>
      <ul>
        {Object.entries(plan.why).map(([why, count]) => (
          <li>
            {numberText(language, count ?? 0)}: {words.whys[why] ?? why}
          </li>
        ))}
      </ul>
    </>
  );
}

interface HeldProps {
  readonly visit: Visit;
  readonly tenant: string;
  readonly plan: HeldPlan | null;
  readonly held: HeldPage;
  readonly now: number;
}

/** Every address of the plan, page by page, and the button that lets them go. */
export function HeldAddresses({ visit, tenant, plan, held, now }: HeldProps) {
  const { language } = visit;
  const words = STATUS_WORDS[language];
  const base = `/status/${encodeURIComponent(tenant)}`;
  return (
    <>
      {plan === null ? (
        <p>{words.planNone}</p>
      ) : (
        <section class="card" aria-labelledby="plan">
          <h2 id="plan">
            {words.planHash} <code>{plan.hash}</code>
          </h2>
          <PlanText visit={visit} plan={plan} now={now} />
          {mayChange(visit.visitor, tenant) && (
            <Form visit={visit} action={`${base}/approve`}>
              <input type="hidden" name="hash" value={plan.hash} />
              <p class="hint">{words.approveMeans}</p>
              <p class="actions">
                <button type="submit" class="danger">
                  {words.approve(numberText(language, plan.addresses))}
                </button>
              </p>
            </Form>
          )}
        </section>
      )}
      {held.items.length > 0 && <HeldTable visit={visit} held={held} base={base} />}
      <p>
        <a href="/status">{words.back}</a>
      </p>
    </>
  );
}

function HeldTable({ visit, held, base }: Pick<HeldProps, 'visit' | 'held'> & { readonly base: string }) {
  const words = STATUS_WORDS[visit.language];
  return (
    <>
      <Scroll label={words.plan}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.address}</th>
              <th scope="col">{words.why}</th>
              <th scope="col">{words.leftAt}</th>
              <th scope="col">{words.lastMail}</th>
            </tr>
          </thead>
          <tbody>
            {held.items.map(({ address, why, removedAt, lastMail }) => (
              <tr>
                <th scope="row">
                  <Quoted text={address} />
                </th>
                <td>{words.whys[why] ?? why}</td>
                <td>
                  <Time at={removedAt} />
                </td>
                <td>{lastMail === null ? '–' : new Date(lastMail).toISOString().slice(0, 10)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {held.next !== null && (
        <p>
          <a href={`${base}/held?after=${encodeURIComponent(held.next)}`}>{words.more}</a>
        </p>
      )}
    </>
  );
}
