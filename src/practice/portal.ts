/**
 * One page that stands for the portal's "App registrations": what {@link PortalVerbs} do, for people. Whoever opens it
 * may do everything; it is on loopback and for practice.
 */
import type { PracticeSecret } from './application.ts';
import type { Call, RoutedReply } from './reply.ts';
import { html, type Markup } from './sign-in/markup.ts';
import { page } from './sign-in/pages.ts';
import type { TenantState } from './tenant-state.ts';

/** Answers `/portal`; null for every other path. */
export function portalReply(state: TenantState, call: Call): RoutedReply | null {
  if (call.url.pathname !== '/portal') return null;
  const notice = call.method === 'POST' ? done(state, new URLSearchParams(call.body)) : null;
  const body = state.application.registered ? registration(state) : registerForm();
  const said = notice === null ? [] : html`<div role="status">${notice}</div>`;
  return { route: 'portal', ...page(state.displayName, 'App registration', html`${said}${body}`) };
}

type Verb = (state: TenantState, form: URLSearchParams) => Markup;

const VERBS: Readonly<Record<string, Verb>> = {
  register({ application }) {
    application.register();
    return html`<p>The application is registered.</p>`;
  },
  'redirect-uri'({ application }, form) {
    application.addRedirectUri(form.get('uri')?.trim() ?? '');
    return html`<p>The redirect URI is registered.</p>`;
  },
  manifest({ application }, form) {
    application.importManifest(form.get('manifest') ?? '');
    return html`<p>The manifest is saved.</p>`;
  },
  'add-secret'({ application }, form) {
    return shownOnce(application.addSecret(form.get('description') || undefined));
  },
  'remove-secret'({ application }, form) {
    application.removeSecret(form.get('id') ?? '');
    return html`<p>The secret is deleted.</p>`;
  },
  certificate({ application }, form) {
    application.uploadCertificate(form.get('certificate') ?? '');
    return html`<p>The certificate is registered.</p>`;
  },
  role({ accounts }, form) {
    const account = accounts.find(({ objectId }) => objectId === form.get('person'));
    const role = form.get('role') ?? '';
    if (account !== undefined) account.appRoles = role === '' ? [] : [role];
    return html`<p>The role is assigned.</p>`;
  },
};

function done(state: TenantState, form: URLSearchParams): Markup {
  const name = form.get('do') ?? '';
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) return html`<p>There is no such action.</p>`;
  try {
    return verb(state, form);
  } catch (error) {
    return html`<p>Not saved: ${error instanceof Error ? error.message : String(error)}</p>`;
  }
}

function shownOnce({ secretText, keyId }: PracticeSecret): Markup {
  return html`<p>The secret is added. Its value is shown this once.</p>
<dl><dt>Value</dt><dd><code>${secretText}</code></dd><dt>Secret ID</dt><dd><code>${keyId}</code></dd></dl>`;
}

function registerForm(): Markup {
  return form('register', 'Register', html`<p>No application is registered yet.</p>`);
}

function registration(state: TenantState): Markup {
  const { application, accounts, tenantId } = state;
  const { requestedPermissions, redirectUris, secrets, certificates, appRoles } = application;
  return html`<dl><dt>Application (client) ID</dt><dd><code>${application.applicationId}</code></dd>
<dt>Object ID</dt><dd><code>${application.objectId}</code></dd>
<dt>Directory (tenant) ID</dt><dd><code>${tenantId}</code></dd></dl>
<h2>Redirect URIs</h2>${list(redirectUris)}
${form('redirect-uri', 'Add', html`<label>Redirect URI <input name="uri" required></label>`)}
<h2>Certificates and secrets</h2>
${secrets.map(({ displayName, secretText, keyId }) => form('remove-secret', `Delete ${displayName}`, html`<p>${displayName}: <code>${secretText.slice(0, 3)}…</code>, Secret ID <code>${keyId}</code></p><input type="hidden" name="id" value="${keyId}">`))}
${form('add-secret', 'New client secret', html`<label>Description <input name="description"></label>`)}
<p>${String(certificates.length)} certificates</p>
${form('certificate', 'Upload certificate', html`<label>Certificate, PEM <textarea name="certificate" rows="3" required></textarea></label>`)}
<h2>API permissions</h2>${list(requestedPermissions.map(({ value, type }) => `${value} (${type === 'Role' ? 'application' : 'delegated'})`))}
<h2>App roles</h2>${list(appRoles.map(({ value }) => value))}
${form('manifest', 'Save manifest', html`<label>Manifest <textarea name="manifest" rows="6" required></textarea></label>`)}
<h2>Users</h2>${form(
    'role',
    'Assign',
    html`<label>Person <select name="person">${accounts.map(({ objectId, displayName, appRoles: held }) => html`<option value="${objectId}">${displayName} ${held.join(', ')}</option>`)}</select></label>
<label>Role <select name="role"><option value="">none</option>${appRoles.map(({ value }) => html`<option>${value}</option>`)}</select></label>`,
  )}`;
}

function list(items: readonly string[]): Markup {
  if (items.length === 0) return html`<p>none</p>`;
  return html`<ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}

function form(verb: string, button: string, fields: Markup): Markup {
  return html`<form method="post">${fields} <button name="do" value="${verb}">${button}</button></form>`;
}
