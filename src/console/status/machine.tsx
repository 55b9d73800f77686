/** What belongs to no tenant: next hops and listeners. */
import { nextHopHealth } from '../../core/next-hop-status.ts';
import { agoText, numberText } from '../site/format.tsx';
import { Quoted } from '../site/quoted.tsx';
import { Scroll } from '../site/scroll.tsx';
import type { Visit } from '../site/visit.ts';
import type { GatewayView } from './gateway.ts';
import { STATUS_WORDS } from './words.ts';

/** Both cards; each part with an id is replaced by itself. */
export function Machine({ visit, gateway }: { readonly visit: Visit; readonly gateway: GatewayView }) {
  const { language } = visit;
  const words = STATUS_WORDS[language];
  return (
    <>
      <section class="card" aria-labelledby="next-hops">
        <h2 id="next-hops">{words.nextHops}</h2>
        <div id="part-next-hops" data-part>
          <NextHops visit={visit} gateway={gateway} />
        </div>
      </section>
      <section class="card" aria-labelledby="listeners">
        <h2 id="listeners">{words.listeners}</h2>
        <div id="part-listeners" data-part>
          <Scroll label={words.listeners}>
            {' '}
            <table>
              <thead>
                <tr>
                  <th scope="col">{words.listener}</th>
                  <th scope="col">{words.mode}</th>
                  <th scope="col" class="number">
                    {words.connections}
                  </th>
                </tr>
              </thead>
              <tbody>
                {gateway.listeners.map(({ address, mode, connections }) => (
                  <tr>
                    <th scope="row">{address}</th>
                    <td>{words.modes[mode] ?? mode}</td>
                    <td class="number">{numberText(language, connections)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </div>
      </section>
    </>
  );
}

const HOP_LOOK = { good: 'good', trouble: 'bad', unused: '' } as const;

function NextHops({ visit, gateway }: { readonly visit: Visit; readonly gateway: GatewayView }) {
  const { language } = visit;
  const words = STATUS_WORDS[language];
  const { nextHops = [], now } = gateway;
  if (nextHops.length === 0) return <p>{words.nextHopNone}</p>;
  const ago = (at: number | null): string => (at === null ? '–' : agoText(language, at, now));
  return (
    <Scroll label={words.nextHops}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.nextHop}</th>
            <th scope="col">{words.state}</th>
            <th scope="col" class="number">
              {words.inUse}
            </th>
            <th scope="col">{words.lastAnswer}</th>
            <th scope="col">{words.lastTrouble}</th>
          </tr>
        </thead>
        <tbody>
          {nextHops.map((hop) => {
            const health = nextHopHealth(hop);
            const { lastTrouble } = hop;
            return (
              <tr>
                <th scope="row">{hop.nextHop}</th>
                <td>
                  <span class={`state ${HOP_LOOK[health]}`}>{words.hopStates[health]}</span>
                </td>
                <td class="number">{numberText(language, hop.connections)}</td>
                <td>{ago(hop.lastSuccess)}</td>
                <td>
                  {ago(lastTrouble?.at ?? null)}
                  {lastTrouble && (
                    <>
                      : {lastTrouble.stage}: <Quoted text={lastTrouble.error} />
                    </>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}
