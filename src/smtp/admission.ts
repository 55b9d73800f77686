/**
 * Whether a client is let in: before the greeting, and again when XCLIENT names another one.
 *
 * A client that the operator's list leaves out hears 554, as it does of Postfix. Everything that may be our own mistake or
 * passes with time is a 421, so that nobody's mail bounces because of it.
 */
import { clientNetwork } from '../core/harvest.ts';
import { inNetworks } from '../core/network.ts';
import { type AccessLists, type AccessRules, accessRules, type Identity, isTrusted } from './client.ts';
import { REPLY, type Reply } from './reply.ts';

/** The harvest guard as a session asks it. Neither function waits or throws. */
export interface HarvestGate {
  /** Whether a client is turned away; if so it is counted, and nobody else needs to report it. */
  refuses(client: string): boolean;
  /** Notes a confirmed absence; whether the client is turned away from now on. */
  absent(client: string, address: string): boolean;
}

export interface AdmissionLimits {
  readonly access: AccessLists;
  readonly maxConnections: number;
  /** Of one client (an IPv6 client is its /64); trusted ones are not counted. 0 for no limit. */
  readonly maxConnectionsPerClient: number;
}

/** Why somebody is not let in. The harvest guard reports what it refused itself. */
export interface Refused {
  readonly reply: Reply;
  readonly reported: boolean;
}

export class Admission {
  readonly rules: AccessRules;
  private readonly limits: AdmissionLimits;
  private readonly harvest: HarvestGate | null;
  private readonly perClient = new Map<string, number>();

  constructor(limits: AdmissionLimits, harvest: HarvestGate | null) {
    this.rules = accessRules(limits.access);
    this.limits = limits;
    this.harvest = harvest;
  }

  /** Whether a connection begins with a PROXY header. */
  expectsHeader(peer: string): boolean {
    return inNetworks(this.rules.proxies, peer);
  }

  /** Why a new connection is not let in; `connections` counts it too. */
  refusal(identity: Identity, connections: number): Refused | null {
    const { proxies } = this.rules;
    const near = identity.peer ?? identity.client.address;
    // 421, because a proxy whose address was not listed is the likelier reason than an attacker inside.
    if (proxies.length > 0 && !inNetworks(proxies, near)) return refused(REPLY.notThroughProxy);
    if (connections > this.limits.maxConnections) return refused(REPLY.tooManyConnections);
    if (this.tooMany(identity)) return refused(REPLY.tooManyOfClient);
    return this.clientRefusal(identity);
  }

  /** Why a client is not served, whoever speaks for it. */
  clientRefusal(identity: Identity): Refused | null {
    const { allow } = this.rules;
    const { address } = identity.client;
    if (allow.length > 0 && !inNetworks(allow, address)) return refused(REPLY.accessDenied);
    if (this.harvest === null || isTrusted(this.rules, identity)) return null;
    return this.harvest.refuses(address) ? { reply: REPLY.harvesting, reported: true } : null;
  }

  /** Counts a connection; the returned function takes it off again, once. */
  enter({ client }: Identity): () => void {
    const key = clientNetwork(client.address);
    this.perClient.set(key, (this.perClient.get(key) ?? 0) + 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      const left = (this.perClient.get(key) ?? 1) - 1;
      if (left > 0) this.perClient.set(key, left);
      else this.perClient.delete(key);
    };
  }

  private tooMany(identity: Identity): boolean {
    const limit = this.limits.maxConnectionsPerClient;
    if (limit === 0 || isTrusted(this.rules, identity)) return false;
    return (this.perClient.get(clientNetwork(identity.client.address)) ?? 0) > limit;
  }
}

function refused(reply: Reply): Refused {
  return { reply, reported: false };
}
