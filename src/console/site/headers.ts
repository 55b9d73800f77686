/** The headers of every answer of the console. */

/** What the headers depend on. */
export interface HeaderSettings {
  readonly publicUrl: string;
  /** Origins of login services that a form may lead to. */
  readonly loginOrigins: readonly string[];
}

/**
 * The security headers. Nothing is loaded from elsewhere and nothing inline is run; no other site may frame a page. The
 * referrer policy is `same-origin` and not `no-referrer`, with which browsers would send `Origin: null` with our forms.
 */
export function securityHeaders({ publicUrl, loginOrigins }: HeaderSettings): ReadonlyMap<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    `form-action ${["'self'", ...loginOrigins].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
  const transport: Array<[string, string]> = publicUrl.startsWith('https:')
    ? [['strict-transport-security', 'max-age=31536000']]
    : [];
  return new Map([
    ['content-security-policy', policy],
    ['x-content-type-options', 'nosniff'],
    ['x-frame-options', 'DENY'],
    ['referrer-policy', 'same-origin'],
    ['cross-origin-opener-policy', 'same-origin'],
    ['cross-origin-resource-policy', 'same-origin'],
    ['permissions-policy', 'camera=(), microphone=(), geolocation=(), payment=()'],
    ['x-robots-tag', 'noindex'],
    ...transport,
  ]);
}
