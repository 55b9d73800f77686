/**
 * The pages that people see at a practice tenant: account picker, consent, and problems. Plain forms, no script; each
 * form is sent to the address it came from, whose query string is the whole state.
 */
import type { AadstsText } from '../aadsts.ts';
import type { Reply } from '../reply.ts';
import type { TenantState } from '../tenant-state.ts';
import type { PracticeAccount } from './accounts.ts';
import { html, Markup } from './markup.ts';

const STYLE = new Markup(`
:root { color-scheme: light dark; --ground: #f2f2f2; --card: #fff; --ink: #1b1b1b; --quiet: #5a5a5a; --line: #8a8a8a; --act: #005ba1; --on-act: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #1b1a19; --card: #292827; --ink: #f3f2f1; --quiet: #c8c6c4; --line: #8a8886; --act: #6cb8f6; --on-act: #10100f; }
}
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: var(--ground); color: var(--ink); }
main { max-width: 27rem; margin: 3rem auto; padding: 2rem; background: var(--card); box-shadow: 0 2px 6px #0003; }
h1 { font-size: 1.4rem; margin: 0.5rem 0 1rem; }
button, input, .button { font: inherit; padding: 0.5rem 1rem; border: 1px solid var(--line); background: var(--card); color: var(--ink); }
button.account { display: block; width: 100%; margin: 0 0 0.5rem; text-align: left; }
button.account span { display: block; color: var(--quiet); }
button.act { background: var(--act); border-color: var(--act); color: var(--on-act); }
input { width: 100%; box-sizing: border-box; margin: 0.25rem 0 0.5rem; }
textarea, select { font: inherit; width: 100%; box-sizing: border-box; background: var(--card); color: var(--ink); }
h2 { font-size: 1.1rem; margin: 1.5rem 0 0.5rem; } code { overflow-wrap: anywhere; } form { margin: 1rem 0; } a { color: var(--act); } .quiet { color: var(--quiet); font-size: 0.9rem; } dt { font-weight: 600; } dd { margin: 0 0 0.75rem; }
`);

/** Which account signs in. `hint` is the request's `login_hint`. */
export function accountPage({ accounts, application, displayName }: TenantState, hint: string): Reply {
  const hinted = accounts.some(({ userPrincipalName }) => userPrincipalName === hint);
  const shown = hinted ? accounts.filter(({ userPrincipalName }) => userPrincipalName === hint) : accounts;
  return page(
    displayName,
    'Pick an account',
    html`<p>to continue to ${application.displayName}</p>
<form method="post">${shown.map(accountButton)}</form>
<form method="post"><label for="account">Another account</label>
<input id="account" name="account" type="email" autocomplete="username" required value="${hinted ? '' : hint}">
<button>Next</button></form>
<form method="post"><button name="decision" value="cancel">Cancel</button></form>`,
  );
}

/** Whether the tenant gives the application what it asks for; `title` says who decides. */
export function consentPage(state: TenantState, person: PracticeAccount, forEverybody: boolean): Reply {
  const { application, displayName } = state;
  const asked = forEverybody ? application.requestedPermissions : [];
  const permissions = asked.map(
    ({ type, value, title }) =>
      html`<dt>${title}</dt><dd><code>${value}</code>, ${type === 'Role' ? 'application' : 'delegated'} permission</dd>`,
  );
  const identity = html`<dt>Sign you in</dt><dd><code>openid profile</code>, delegated permission</dd>`;
  return page(
    displayName,
    'Permissions requested',
    html`<p>${person.userPrincipalName}</p><p>${application.displayName} (unverified) asks for:</p>
<dl>${forEverybody ? permissions : [identity]}</dl>
<p>${forEverybody ? `By accepting you give this application access for everybody in ${displayName}.` : ''}</p>
<form method="post"><input type="hidden" name="account" value="${person.userPrincipalName}">
<button name="decision" value="cancel">Cancel</button> <button class="act" name="decision" value="accept">Accept</button></form>`,
  );
}

/** A problem that is shown here because the application cannot, or must not, be told. `back` leads to it all the same. */
export function problemPage(tenant: string, problem: AadstsText, back: string | null): Reply {
  const title = problem.code === 90094 ? 'Need admin approval' : 'There is a problem with this sign-in';
  const way = html`<p><a href="${back ?? ''}">Return to the application without granting consent</a></p>`;
  return {
    ...page(
      tenant,
      title,
      html`<p>AADSTS${String(problem.code)}: ${problem.message}</p>${back === null ? [] : [way]}
<dl class="quiet"><dt>Trace ID</dt><dd>${problem.traceId}</dd><dt>Correlation ID</dt><dd>${problem.correlationId}</dd>
<dt>Timestamp</dt><dd>${problem.timestamp}</dd></dl>`,
    ),
    status: 400,
  };
}

/** After signing out, when there is nowhere to go back to. */
export function signedOutPage(tenant: string): Reply {
  return page(tenant, 'You signed out', html`<p>You can close this window.</p>`);
}

function accountButton(person: PracticeAccount): Markup {
  const roles = [...person.directoryRoles, ...person.appRoles].join(', ');
  return html`<button class="account" name="account" value="${person.userPrincipalName}">${person.displayName}
<span>${person.userPrincipalName}</span><span>${roles || 'no role'}</span></button>`;
}

/** A page of the tenant. */
export function page(tenant: string, title: string, body: Markup): Reply {
  const { text } = html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – ${tenant}</title><style>${STYLE}</style></head>
<body><main><p class="quiet">Practice tenant ${tenant}</p><h1>${title}</h1>
${body}</main></body></html>`;
  const headers = {
    'cache-control': 'no-store, no-cache',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    'referrer-policy': 'strict-origin-when-cross-origin',
  };
  return { status: 200, headers, html: text };
}
