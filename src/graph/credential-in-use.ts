/**
 * Which credential of a tenant is in use. A changed one must prove itself before it replaces one that has worked; until
 * then the old one stays, the trouble is told once, and every round tries again. The last proven one is kept (sealed)
 * across restarts, for when its file is missing or broken then.
 */
import { type Credential, type CredentialKind, sameCredential } from './credential.ts';
import { done, type GraphFailure, type Outcome } from './failure.ts';

/** Where the last proven credential survives a restart. Neither function throws. */
export interface KeptCredential {
  /** null when none was kept. */
  load(): Outcome<Credential | null>;
  save(credential: Credential): Outcome<null>;
}

/** `kept`: its file cannot be used, and this is the last one that worked; `console`: it was entered there. */
export type CredentialSource = 'file' | 'kept' | 'console';

export interface CredentialUse {
  readonly kind: CredentialKind;
  readonly source: CredentialSource;
  /** Ms since 1970; null when unknown. */
  readonly expires: number | null;
}

export type CredentialTrouble = Pick<GraphFailure, 'code' | 'message' | 'hint'>;

/** What is told of a tenant's credential; it holds no secret. */
export type CredentialNews =
  | ({ readonly event: 'use' } & CredentialUse)
  | ({ readonly event: 'trouble' } & CredentialTrouble);

export interface CredentialState {
  /** null before one was found. */
  readonly use: CredentialUse | null;
  /** It has produced a token that Graph accepted. */
  readonly proven: boolean;
  /** What is wrong with the file, the changed credential in it, or the keeping; null when nothing is. */
  readonly trouble: CredentialTrouble | null;
}

/** Tries a credential with a client of its own. */
export type Prove = (candidate: Credential) => Promise<Outcome<unknown>>;

const NOT_KEPT: KeptCredential = { load: () => done(null), save: () => done(null) };

export class CredentialInUse {
  readonly #read: () => Promise<Outcome<Credential>>;
  readonly #kept: KeptCredential;
  readonly #tell: (news: CredentialNews) => void;
  /** By what they are about; each is told when it is new. */
  readonly #troubles = new Map<'file' | 'keeping', GraphFailure>();
  #used: Credential | null = null;
  readonly #origin: 'file' | 'console';
  #source: CredentialSource;
  #proven = false;
  /** The kept one is the one in use. */
  #saved = false;
  #recalled = false;
  #told: { readonly credential: Credential; readonly source: string } | null = null;

  /** Starts without a credential. `tell` hears each news once; `origin` is where `read` finds it. */
  constructor(
    read: () => Promise<Outcome<Credential>>,
    kept: KeptCredential = NOT_KEPT,
    tell: (news: CredentialNews) => void = () => {},
    origin: 'file' | 'console' = 'file',
  ) {
    this.#read = read;
    this.#origin = origin;
    this.#source = origin;
    this.#kept = kept;
    this.#tell = tell;
  }

  get current(): Credential | null {
    return this.#used;
  }

  get state(): CredentialState {
    const trouble = this.#troubles.get('file') ?? this.#troubles.get('keeping') ?? null;
    return {
      use: this.#used === null ? null : useOf(this.#used, this.#source),
      proven: this.#proven,
      trouble: trouble === null ? null : troubleOf(trouble),
    };
  }

  /**
   * Reads the credential again. `prove` tries another one than the proven one in use. True: another one is in use now.
   * A failure means that there is none at all.
   */
  async renew(prove: Prove): Promise<Outcome<boolean>> {
    this.#recall();
    const found = await this.#read();
    if (!found.ok) return this.#stay(found.failure);
    const same = sameCredential(this.#used, found.value);
    if (same || !this.#proven) return done(this.#take(found.value, !same));
    const proof = await prove(found.value);
    if (!proof.ok) return this.#stay(unproven(proof.failure));
    this.#take(found.value, true);
    this.confirm();
    return done(true);
  }

  /** The one in use has just worked. */
  confirm(): void {
    if (this.#used === null) return;
    this.#proven = true;
    this.#announce();
    if (this.#saved) return;
    const saving = this.#kept.save(this.#used);
    this.#saved = saving.ok;
    this.#trouble('keeping', saving.ok ? null : saving.failure);
  }

  /** The last proven one of an earlier run, looked for once. */
  #recall(): void {
    if (this.#recalled) return;
    this.#recalled = true;
    const found = this.#kept.load();
    this.#trouble('keeping', found.ok ? null : found.failure);
    if (!found.ok || found.value === null) return;
    [this.#used, this.#source, this.#proven, this.#saved] = [found.value, 'kept', true, true];
  }

  #take(credential: Credential, another: boolean): boolean {
    this.#trouble('file', null);
    this.#used = credential;
    this.#source = this.#origin;
    if (another) [this.#proven, this.#saved] = [false, false];
    this.#announce();
    return another;
  }

  #stay(failure: GraphFailure): Outcome<boolean> {
    if (!this.#proven) this.#used = null;
    if (this.#used === null) return { ok: false, failure };
    const message = `${failure.message}; the last one that worked stays in use`;
    this.#trouble('file', { ...failure, message });
    this.#announce();
    return done(false);
  }

  #announce(): void {
    const [credential, source] = [this.#used, this.#source];
    if (credential === null || !this.#proven) return;
    if (this.#told?.source === source && sameCredential(this.#told.credential, credential)) return;
    this.#told = { credential, source };
    this.#tell({ event: 'use', ...useOf(credential, source) });
  }

  #trouble(about: 'file' | 'keeping', failure: GraphFailure | null): void {
    const before = this.#troubles.get(about);
    if (failure === null) return void this.#troubles.delete(about);
    this.#troubles.set(about, failure);
    if (before?.code === failure.code && before.message === failure.message) return;
    this.#tell({ event: 'trouble', ...troubleOf(failure) });
  }
}

function useOf({ kind, expires }: Credential, source: CredentialSource): CredentialUse {
  return { kind, source, expires };
}

function troubleOf({ code, message, hint }: GraphFailure): CredentialTrouble {
  return { code, message, hint };
}

function unproven(failure: GraphFailure): GraphFailure {
  return { ...failure, message: `the changed credential did not work: ${failure.message}` };
}
