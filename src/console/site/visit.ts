/** Who visits the console, in which language, and what they may see and change. */

/** The languages of the console. */
export type Language = 'en' | 'ja';

/** One text, or one set of texts, in every language. */
export type InEveryLanguage<Words> = Readonly<Record<Language, Words>>;

/** A person (or the holder of a one-time link) who signed in. */
export interface Visitor {
  /** As the audit lines of the log name them. */
  readonly who: string;
  /** As the pages name them; the person chose it. */
  readonly name: string;
  readonly role: 'admin' | 'reader';
  /** Ids of the tenants they may see; null: all, and what belongs to no tenant. */
  readonly tenants: readonly string[] | null;
  /** Set when they signed in with Microsoft: who they are there. */
  readonly account?: Account;
}

/** What identifies a person in Microsoft Entra ID, for good; an e-mail address does not. */
export interface Account {
  readonly tenant: string;
  readonly object: string;
}

/** One request of somebody who is signed in. */
export interface Visit {
  readonly language: Language;
  readonly visitor: Visitor;
  /** What a form has to bring back; `Form` writes it. */
  readonly csrf: string;
  /** Address of the browser. */
  readonly from: string;
  /** Names the session, to bind something to it. It is not the cookie and opens nothing. */
  readonly session: string;
}

/** One request of anybody; `visit` is null when nobody is signed in. */
export interface Arrival {
  readonly language: Language;
  readonly from: string;
  readonly visit: Visit | null;
}

/** Whether things of a tenant may be shown; `null` stands for what belongs to no tenant. */
export function maySee(visitor: Visitor, tenant: string | null): boolean {
  if (visitor.tenants === null) return true;
  return tenant !== null && visitor.tenants.includes(tenant.toLowerCase());
}

/** Whether things of a tenant may be changed; `null` stands for what belongs to no tenant. */
export function mayChange(visitor: Visitor, tenant: string | null): boolean {
  return visitor.role === 'admin' && maySee(visitor, tenant);
}
