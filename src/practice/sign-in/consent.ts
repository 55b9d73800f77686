/** What a consent gave, and when tokens begin to show it: Entra ID may take a while, here counted in token requests. */

export interface ConsentRecord {
  /** An administrator accepted: the roles replace those granted after `delay` more token requests. */
  give(roles: readonly string[], delay: number): void;
  /** One token is asked for: the roles that are due by now, or null when nothing changes. */
  due(): readonly string[] | null;
}

/** Nothing was consented to yet. */
export function consentRecord(): ConsentRecord {
  let pending: { readonly roles: readonly string[]; delay: number } | null = null;
  return {
    give(roles, delay) {
      pending = { roles, delay };
    },
    due() {
      if (pending === null) return null;
      if (pending.delay-- > 0) return null;
      const { roles } = pending;
      pending = null;
      return roles;
    },
  };
}
