/**
 * Thousands of messages through the gateway to next hops that fail in every way, from clients that sometimes do too:
 * a message is at the next hop exactly once, or still with its sender, or reported as possibly both. None is
 * acknowledged and lost.
 *
 * `RCPTGATE_FAULT_SEED` tries another seed, `RCPTGATE_FAULT_COUNT` another number of messages (2,000).
 */
import { expect, it, onTestFinished } from 'vitest';
import type { Dialog } from './dialog.ts';
import { digestOf, FaultyHop } from './faulty-hop.ts';
import { type Gateway, openRelaying } from './gateway.ts';
import { below, pieces, seeded } from './seeded.ts';

const SEED = Number(process.env.RCPTGATE_FAULT_SEED ?? 1);
const COUNT = Number(process.env.RCPTGATE_FAULT_COUNT ?? 2000);
const CLIENTS = 40;
const SIZES = [0, 100, 5_000, 60_000, 300_000];
/** Ms for everything that may hang. */
const HANG = 500;
const PATIENCE = {
  greeting: HANG,
  ehlo: HANG,
  mail: HANG,
  rcpt: HANG,
  data: HANG,
  message: HANG,
  reset: HANG,
};

/** What the client of one message saw. */
interface Sent {
  readonly id: number;
  readonly digest: string;
  /** Recipients that were told yes. */
  readonly to: readonly string[];
  readonly acknowledged: boolean;
  /** Whether the client went away by itself before it heard the final answer. */
  readonly left: boolean;
}

interface Plan {
  readonly id: number;
  readonly body: string;
  readonly recipients: readonly string[];
  readonly pipelined: boolean;
  readonly leave: boolean;
  readonly chance: () => number;
}

/** By it the events name the message. */
function senderOf(id: number): string {
  return `s${id}@x.example`;
}

function planOf(id: number): Plan {
  const chance = seeded(SEED * 1_000_003 + id);
  const lines = [`X-Id: ${id}\r\n`, '\r\n'];
  const size = SIZES[below(chance, SIZES.length)] ?? 0;
  for (let length = 0; length < size; ) {
    const line = `${chance() < 0.2 ? '..' : ''}${'x'.repeat(below(chance, 120))}\r\n`;
    lines.push(line);
    length += line.length;
  }
  const recipients = Array.from({ length: 1 + below(chance, 6) }, (_, n) => `known${id}-${n}@b.example`);
  const [pipelined, leave] = [chance() < 0.5, chance() < 0.05];
  return { id, body: lines.join(''), recipients, pipelined, leave, chance };
}

/** The replies to MAIL, each RCPT and DATA. */
async function envelope(client: Dialog, { id, recipients, pipelined }: Plan): Promise<string[]> {
  const lines = [`MAIL FROM:<${senderOf(id)}>`, ...recipients.map((path) => `RCPT TO:<${path}>`), 'DATA'];
  if (!pipelined) return client.askAll(...lines);
  client.send(lines.map((line) => `${line}\r\n`).join(''));
  const replies: string[] = [];
  for (const _line of lines) replies.push(await client.reply());
  return replies;
}

async function send(client: Dialog, plan: Plan): Promise<Sent> {
  const { id, body, recipients, leave, chance } = plan;
  const replies = await envelope(client, plan);
  for (const reply of replies) expect(reply, `message ${id}`).toMatch(/^[2345]\d\d[ -]/);
  const to = recipients.filter((_path, n) => replies[n + 1]?.startsWith('250'));
  const unsent = { id, digest: digestOf(body), to, acknowledged: false, left: false };
  if (!replies.at(-1)?.startsWith('354')) return unsent;
  const wire = Buffer.from(body, 'latin1');
  const cut = leave && chance() < 0.7 ? below(chance, wire.length) : wire.length;
  for (const piece of pieces(wire.subarray(0, cut), chance, 40_000)) await client.push(piece);
  if (cut === wire.length) client.send('.\r\n');
  if (leave) {
    client.vanish();
    return { ...unsent, left: true };
  }
  return { ...unsent, acknowledged: (await client.reply()).startsWith('250') };
}

/** One client after another sends every `CLIENTS`th message. */
async function sendShare(gateway: Gateway, first: number, sent: Sent[]): Promise<void> {
  let client = await gateway.greeted();
  for (let id = first; id < COUNT; id += CLIENTS) {
    const outcome = await send(client, planOf(id));
    sent.push(outcome);
    if (outcome.left) client = await gateway.greeted();
    else expect(await client.ask('RSET')).toMatch(/^250/);
  }
  client.close();
}

/** Every way in which a message and its sender's knowledge do not fit together. */
function faultsOf(
  sent: readonly Sent[],
  hops: readonly FaultyHop[],
  doubtful: ReadonlySet<string>,
): string[] {
  return sent.flatMap(({ id, digest, to, acknowledged, left }) => {
    const taken = hops.flatMap((hop) => hop.taken.get(id) ?? []);
    const at = `message ${id}: `;
    const [one] = taken;
    if (taken.length > 1) return [`${at}taken ${taken.length} times`];
    if (acknowledged && !one) return [`${at}acknowledged and lost`];
    if (one && !acknowledged && !left && !doubtful.has(senderOf(id))) {
      return [`${at}taken, not acknowledged, and not told that it may arrive twice`];
    }
    if (one && one.digest !== digest) return [`${at}arrived changed`];
    if (one && one.to.join() !== to.join()) return [`${at}for ${one.to.join()} instead of ${to.join()}`];
    return [];
  });
}

it(`of ${COUNT} messages none is acknowledged and lost (seed ${SEED})`, { timeout: 600_000 }, async () => {
  const options = { share: 0.06, pipelining: true };
  const hops = [
    new FaultyHop({ ...options, seed: SEED }),
    new FaultyHop({ ...options, seed: SEED + 1, pipelining: false }),
    new FaultyHop({ share: 0.3, pipelining: true, seed: SEED + 2 }),
  ];
  const names = await Promise.all(hops.map((hop) => hop.listen()));
  onTestFinished(() => {
    for (const hop of hops) hop.stop();
  });
  // The first host refuses connections; the others fail by chance. Messages go one of two ways.
  const ways = [`127.0.0.1:1,${names[0]},${names[2]}`, `${names[2]},${names[1]}`];
  const gateway = await openRelaying(
    ({ local }) => ways[Number(local.slice(5).split('-')[0]) % 2] ?? '',
    { maxConnections: 1000 },
    {
      timeouts: { ...PATIENCE, connect: 2000, body: 1000 },
      backoff: { first: 5, longest: 40 },
      maxConnections: 15,
      slotWait: 1000,
    },
  );
  const sent: Sent[] = [];
  await Promise.all(Array.from({ length: CLIENTS }, (_, n) => sendShare(gateway, n, sent)));
  await gateway.events.until(() => gateway.listener.connections() === 0 || gateway.events.failed.length > 0);

  const doubtful = new Set(
    gateway.events.failed.filter((each) => each.duplicatePossible).map(({ mailFrom }) => mailFrom),
  );
  expect(faultsOf(sent, hops, doubtful)).toEqual([]);
  const acknowledged = sent.filter((each) => each.acknowledged).length;
  expect(sent).toHaveLength(COUNT);
  // A run in which nearly everything, or nearly nothing, goes wrong proves little.
  expect(acknowledged).toBeGreaterThan(COUNT / 10);
  expect(acknowledged).toBeLessThan(COUNT * 0.95);
  expect(gateway.events.troubles).toEqual([]);
});
