/** The tenant's true state, and the verbs by which a test or a rehearsal changes it. */
import { normaliseAddress } from '../core/address.ts';
import type { StreamName } from '../core/recipient.ts';
import { addressesOf, STREAMS } from '../core/recipient.ts';
import { added, type EntryKind, lapsed, removed, renamed, returned, withPrimary } from './address-entries.ts';
import type { ChangeDraft, ChangeKind } from './changes.ts';
import type { PracticeDomain } from './domains.ts';
import { INITIAL_DOMAIN, mailDomain, verifiedNames } from './domains.ts';
import type { GroupKind } from './generated-groups.ts';
import { contactFields, groupFields } from './generated-groups.ts';
import { EXCHANGE_PLAN } from './generated-users.ts';
import type { ObjectStore } from './object-store.ts';
import type { ObjectFields, PracticeObject } from './objects.ts';

/** A user to create: the principal name is enough, the rest follows from it as in a licensed mailbox. */
export type NewUser = ObjectFields & { readonly userPrincipalName: string };
/** A group to create; a Microsoft 365 group unless `kind` says otherwise. */
export type NewGroup = ObjectFields & { readonly mail: string; readonly kind?: GroupKind };
/** A contact to create; `mail` is the external address. */
export type NewContact = ObjectFields & { readonly mail: string };

export interface PracticeDirectory {
  readonly domains: readonly PracticeDomain[];
  addDomain(name: string, flags?: Partial<PracticeDomain>): void;
  removeDomain(name: string): void;
  createUser(fields: NewUser): string;
  createGroup(fields: NewGroup): string;
  createContact(fields: NewContact): string;
  updateUser(id: string, patch: ObjectFields): void;
  updateGroup(id: string, patch: ObjectFields): void;
  updateContact(id: string, patch: ObjectFields): void;
  /**
   * Deleted and restorable for 30 days: delta says `changed`. Only users and Microsoft 365 groups are; anything
   * else is gone at once, as with {@link PracticeDirectory.purge}.
   */
  softDelete(id: string): void;
  restore(id: string): void;
  /** Gone for good: delta says `deleted`. */
  purge(id: string): void;
  addAlias(id: string, address: string, kind?: EntryKind): void;
  removeAlias(id: string, address: string): void;
  /** Makes an address the primary; the old primary stays as an alias, as in Exchange Online. */
  changePrimary(id: string, address: string): void;
  /** A new name for everything: principal name, primary and nickname; the old primary stays as an alias. */
  rename(id: string, nickname: string): void;
  /** Takes the Exchange licence: only the initial-domain address stays, promoted to primary. */
  removeLicence(id: string): void;
  /** Gives it back: `part` rebuilds only the principal name's address, `all` everything there was. */
  restoreLicence(id: string, extent?: 'part' | 'all'): void;
  /** Moves an address between two objects; the order is that of the two changes in the log. */
  moveAddress(address: string, fromId: string, toId: string, order?: 'remove-first' | 'add-first'): void;
  get(id: string): PracticeObject | undefined;
  /** The live objects that own an address. */
  find(address: string): PracticeObject[];
  /** Every live object of a stream, one after the other. */
  live(stream: StreamName): Iterable<PracticeObject>;
  /** Every object of a stream that can be restored. */
  deleted(stream: StreamName): PracticeObject[];
  /** The true set: every normalised address at which Exchange Online would accept mail right now. */
  recipientAddresses(): Set<string>;
}

/** What the directory needs from the tenant: its objects, its domains, and somewhere to record changes. */
export interface DirectoryParts {
  readonly store: ObjectStore;
  readonly domains: { list: readonly PracticeDomain[] };
  record(change: ChangeDraft): void;
  now(): number;
}

/** The directory over a store. */
export function practiceDirectory(parts: DirectoryParts): PracticeDirectory {
  const { store, domains } = parts;
  return {
    get domains() {
      return domains.list;
    },
    addDomain(name, flags) {
      domains.list = [...domains.list.filter((domain) => domain.name !== name), mailDomain(name, flags)];
    },
    removeDomain(name) {
      domains.list = domains.list.filter((domain) => domain.name !== name);
    },
    ...creationVerbs(parts),
    ...lifecycleVerbs(parts),
    ...addressVerbs(parts),
    get: (id) => store.get(id),
    find: (address) => store.owners(normaliseAddress(address) ?? ''),
    live: (stream) => liveObjects(store, stream),
    deleted: (stream) => store.changed(stream).filter((object) => object.state === 'deleted'),
    recipientAddresses: () => recipientAddresses(store, verifiedNames(domains.list)),
  };
}

type Verbs<K extends keyof PracticeDirectory> = Pick<PracticeDirectory, K>;

function creationVerbs({
  store,
  record,
}: DirectoryParts): Verbs<'createUser' | 'createGroup' | 'createContact'> {
  const create = (stream: StreamName, fields: ObjectFields): string => {
    const id = store.nextId(stream);
    record({ stream, id, kind: 'created', fields });
    return id;
  };
  return {
    createUser: (fields) => create('users', { ...newMailbox(fields.userPrincipalName), ...fields }),
    createGroup({ kind = 'microsoft-365', ...fields }) {
      return create('groups', { ...groupFields(kind, fields.mail, fields.mail), ...fields });
    },
    createContact: (fields) => create('contacts', { ...contactFields(fields.mail, fields.mail), ...fields }),
  };
}

function lifecycleVerbs(
  parts: DirectoryParts,
): Verbs<'updateUser' | 'updateGroup' | 'updateContact' | 'softDelete' | 'restore' | 'purge'> {
  const commit = committer(parts);
  const update = (id: string, patch: ObjectFields): void => commit('updated', id, () => patch);
  return {
    updateUser: update,
    updateGroup: update,
    updateContact: update,
    softDelete(id) {
      const deletedDateTime = `${new Date(parts.now()).toISOString().slice(0, 19)}Z`;
      if (restorable(parts.store.get(id))) commit('deleted', id, () => ({ deletedDateTime }));
      else commit('purged', id, () => ({}));
    },
    restore: (id) => commit('restored', id, () => ({ deletedDateTime: null })),
    purge: (id) => commit('purged', id, () => ({})),
  };
}

function addressVerbs(
  parts: DirectoryParts,
): Verbs<
  'addAlias' | 'removeAlias' | 'changePrimary' | 'rename' | 'removeLicence' | 'restoreLicence' | 'moveAddress'
> {
  const commit = committer(parts);
  const licensed = new Map<string, ObjectFields>();
  const addAlias = (id: string, address: string, kind: EntryKind = 'smtp'): void =>
    commit('updated', id, ({ fields }) => added(fields, address, kind));
  const removeAlias = (id: string, address: string): void =>
    commit('updated', id, ({ fields }) => removed(fields, address));
  return {
    addAlias,
    removeAlias,
    changePrimary: (id, address) => commit('updated', id, ({ fields }) => withPrimary(fields, address)),
    rename: (id, nickname) => commit('updated', id, ({ fields }) => renamed(fields, nickname)),
    removeLicence(id) {
      commit('updated', id, ({ fields }) => {
        licensed.set(id, fields);
        return lapsed(fields, INITIAL_DOMAIN);
      });
    },
    restoreLicence(id, extent = 'all') {
      commit('updated', id, ({ fields }) => returned(fields, licensed.get(id) ?? fields, extent));
    },
    moveAddress(address, fromId, toId, order = 'remove-first') {
      if (order === 'add-first') addAlias(toId, address);
      removeAlias(fromId, address);
      if (order === 'remove-first') addAlias(toId, address);
    },
  };
}

function restorable(object: PracticeObject | undefined): boolean {
  return object?.stream === 'users' || (object?.fields.groupTypes?.includes('Unified') ?? false);
}

/** Records a change of an object that exists; a verb on one that does not is a mistake in the rehearsal. */
function committer({ store, record }: DirectoryParts) {
  return (kind: ChangeKind, id: string, change: (object: PracticeObject) => ObjectFields): void => {
    const object = store.get(id);
    if (object === undefined || object.state === 'purged') throw new Error(`no such object: ${id}`);
    if ((kind === 'restored') !== (object.state === 'deleted') && kind !== 'purged') {
      throw new Error(`object ${id} is ${object.state}, so it cannot be ${kind}`);
    }
    record({ stream: object.stream, id: object.id, kind, fields: change(object) });
  };
}

function newMailbox(userPrincipalName: string): ObjectFields {
  const mailNickname = userPrincipalName.slice(0, userPrincipalName.lastIndexOf('@'));
  return {
    displayName: mailNickname,
    mail: userPrincipalName,
    mailNickname,
    accountEnabled: true,
    userType: 'Member',
    assignedPlans: [EXCHANGE_PLAN],
    proxyAddresses: [`SMTP:${userPrincipalName}`],
  };
}

function* liveObjects(store: ObjectStore, stream: StreamName): Generator<PracticeObject> {
  for (let position = 0; position < store.length(stream); position++) {
    const object = store.at(stream, position);
    if (object?.state === 'live') yield object;
  }
}

function recipientAddresses(store: ObjectStore, verified: ReadonlySet<string>): Set<string> {
  const addresses = new Set<string>();
  for (const stream of STREAMS) {
    for (const { fields } of liveObjects(store, stream)) {
      for (const { address } of addressesOf(stream, fields, verified)) addresses.add(address);
    }
  }
  return addresses;
}
