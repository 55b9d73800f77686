/**
 * A process that kills itself at a chosen moment of a round: `node victim.mjs FILE MOMENT MIRROR-MODULE`.
 * `inside-commit` dies when the commit asks for the domains, after the entries were merged.
 */
const [path, moment, module] = process.argv.slice(2);
const { openMirror } = await import(module);

const die = () => process.kill(process.pid, 'SIGKILL');
const tenant = '11111111-2222-3333-4444-555555555555';
const mirror = openMirror(path);
const facts = (address) => ({ displayName: 'x', proxyAddresses: [`SMTP:${address}`] });
mirror.stage(tenant, 'users', [
  { id: '1', removed: 'deleted', facts: {} },
  { id: '2', facts: facts('new@contoso.example') },
]);
if (moment === 'staged') die();

let reads = 0;
const round = {
  startedAt: Date.UTC(2026, 0, 11),
  get domains() {
    // The first two reads come before the merge; the third is the one that would store the new state.
    reads += 1;
    if (moment === 'inside-commit' && reads === 3) die();
    return ['contoso.example'];
  },
  streams: [{ stream: 'users', read: 'delta', cursor: 'https://graph/next', selectHash: 'h' }],
  complete: true,
};
mirror.commitRound(tenant, round, round.startedAt);
die();
