/** Random changes to a practice tenant, as a year of administrators and licence scripts would make them. */
import { normaliseAddress } from '../../src/core/address.ts';
import type { PracticeDirectory } from '../../src/practice/directory.ts';
import type { Random } from '../random.ts';

/** A verified domain that comes and goes. */
export const SECOND_DOMAIN = 'fabrikam.example';
const DOMAINS = ['contoso.example', 'contoso.example', 'contoso.example', SECOND_DOMAIN];
const NAMES = ['ann', 'ben', "o'neil", 'd&d', 'plus+one', 'Zoë', 'x_y', 'a/b', 'MiXed', 'kim'];
/** Beyond this many objects the script deletes rather than creates. */
const MOST_OBJECTS = 150;

type Change = (directory: PracticeDirectory, random: Random) => string;

/** Makes one random change and says which, for the story of a failing seed. */
export function changeSomething(directory: PracticeDirectory, random: Random): string {
  const crowded = objects(directory).length > MOST_OBJECTS;
  const change = random.pick(
    crowded ? [...CHANGES, ...LEAVING, ...LEAVING, ...LEAVING] : [...CHANGES, ...LEAVING],
  );
  return change(directory, random);
}

const CHANGES: readonly Change[] = [
  (directory, random) => {
    const userPrincipalName = freeAddress(directory, random);
    directory.createUser({ userPrincipalName });
    return `user ${userPrincipalName}`;
  },
  (directory, random) => {
    const mail = freeAddress(directory, random);
    const kind = random.pick(['microsoft-365', 'distribution', 'mail-enabled-security', 'security'] as const);
    directory.createGroup({ mail, kind });
    return `${kind} group ${mail}`;
  },
  (directory, random) => {
    const mail = `ext${random.below(1e6)}@partner.example`;
    const id = directory.createContact({ mail });
    directory.addAlias(id, freeAddress(directory, random));
    return `contact ${mail}`;
  },
  onObject((directory, random, id) => {
    const address = freeAddress(directory, random);
    directory.addAlias(id, address);
    return `alias ${address}`;
  }),
  onObject((directory, random, id) => {
    const address = freeAddress(directory, random);
    directory.addAlias(id, address);
    directory.changePrimary(id, address);
    return `primary ${address}`;
  }),
  onUser((directory, random, id) => {
    const name = freeAddress(directory, random).split('@')[0] ?? '';
    directory.rename(id, name);
    return `renamed to ${name}`;
  }),
  onUser((directory, random, id) => {
    directory.updateUser(id, { displayName: `name ${random.below(1000)}` });
    return `display name of ${id}`;
  }),
  onUser((directory, random, id) => {
    directory.restoreLicence(id, random.pick(['part', 'all'] as const));
    return `licence back for ${id}`;
  }),
  (directory, random) => {
    const deleted = [...directory.deleted('users'), ...directory.deleted('groups')];
    const gone = deleted[random.below(deleted.length)];
    if (!gone) return 'nobody to restore';
    directory.restore(gone.id);
    return `restored ${gone.id}`;
  },
  (directory, random) => {
    const [from, to] = [anyOf(objects(directory), random), anyOf(objects(directory), random)];
    const address = from && anyOf(addressesOf(from), random);
    if (!from || !to || !address || from.id === to.id) return 'nothing to move';
    directory.moveAddress(address, from.id, to.id, random.pick(['add-first', 'remove-first'] as const));
    return `moved ${address}`;
  },
  (directory, random) => {
    const present = directory.domains.some(({ name }) => name === SECOND_DOMAIN);
    if (random.below(4) > 0) return 'domains left alone';
    if (present) directory.removeDomain(SECOND_DOMAIN);
    else directory.addDomain(SECOND_DOMAIN);
    return present ? 'domain removed' : 'domain added';
  },
];

const LEAVING: readonly Change[] = [
  onObject((directory, random, id) => {
    const aliases = addressesOf(directory.get(id)).filter((_, index) => index > 0);
    const alias = anyOf(aliases, random);
    if (alias) directory.removeAlias(id, alias);
    return `alias gone ${alias}`;
  }),
  onUser((directory, _random, id) => {
    directory.removeLicence(id);
    return `licence gone from ${id}`;
  }),
  onObject((directory, _random, id) => {
    directory.softDelete(id);
    return `deleted ${id}`;
  }),
  onObject((directory, _random, id) => {
    directory.purge(id);
    return `purged ${id}`;
  }),
];

interface ObjectLike {
  readonly id: string;
  readonly fields: { readonly proxyAddresses?: readonly (string | null)[] | null };
}

function onObject(change: (directory: PracticeDirectory, random: Random, id: string) => string): Change {
  return (directory, random) => {
    const object = anyOf(objects(directory), random);
    return object ? change(directory, random, object.id) : 'nobody left';
  };
}

function onUser(change: (directory: PracticeDirectory, random: Random, id: string) => string): Change {
  return (directory, random) => {
    const user = anyOf([...directory.live('users')], random);
    return user ? change(directory, random, user.id) : 'nobody left';
  };
}

function objects(directory: PracticeDirectory): ObjectLike[] {
  return [...directory.live('users'), ...directory.live('groups'), ...directory.live('contacts')];
}

function addressesOf(object: ObjectLike | undefined): string[] {
  return (object?.fields.proxyAddresses ?? []).flatMap((entry) =>
    entry?.toLowerCase().startsWith('smtp:') ? [entry.slice(5)] : [],
  );
}

function anyOf<T>(items: readonly T[], random: Random): T | undefined {
  return items[random.below(items.length)];
}

/** An address nobody has; sometimes one that somebody had before, as when a name is given out again. */
function freeAddress(directory: PracticeDirectory, random: Random): string {
  for (;;) {
    const address = `${random.pick(NAMES)}${random.below(400)}@${random.pick(DOMAINS)}`;
    if (directory.find(normaliseAddress(address) ?? address).length === 0) return address;
  }
}
