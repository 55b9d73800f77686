/** Approving a held plan by its hash: that plan and no other. */
import type { HeldPlan } from '../core/reconcile.ts';
import type { Approval } from './protocol.ts';

export interface ApprovalDeps {
  plan(tenant: string): HeldPlan | null;
  /** Applies the plan if it still has the hash that was asked for; how many addresses it took, or null. */
  apply(tenant: string): number | null;
  applied(tenant: string): void;
}

/** Applies the plan with this hash of one of the tenants; a refusal names what is held instead. */
export function approvePlan(tenants: readonly string[], hash: string, deps: ApprovalDeps): Approval {
  for (const tenant of tenants) {
    const addresses = deps.apply(tenant);
    if (addresses === null) continue;
    deps.applied(tenant);
    return { ok: true, tenant, addresses };
  }
  const plans = tenants.flatMap((tenant) => deps.plan(tenant) ?? []);
  const current = plans.map((plan) => `${plan.hash} (${plan.addresses} addresses of ${plan.tenant})`);
  const held = current.length === 0 ? 'nothing is held' : `what is held now is ${current.join(', ')}`;
  return { ok: false, message: `there is no held plan ${hash}: ${held}` };
}
