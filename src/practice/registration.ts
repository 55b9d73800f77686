/** How far an administrator has come with the application when a practice tenant starts. */
import type { PracticeApplication } from './application.ts';
import { emptyApplication, practiceApplication } from './application.ts';
import type { AppRole } from './manifest.ts';
import { applicationPermissions } from './permission-ids.ts';
import type { SwitchValues } from './switches.ts';

/**
 * `absent`: nothing is registered, only the application id is set aside. `unconsented`: registered with a secret,
 * permissions requested, nobody accepted. `consented`: everything works.
 */
export type Registration = 'absent' | 'unconsented' | 'consented';

export interface RegistrationParts {
  readonly applicationId: string;
  readonly secret: string;
  now(): number;
}

export interface StartedRegistration {
  readonly application: PracticeApplication;
  readonly switches: Partial<SwitchValues>;
}

/** The application's roles for people who use the console. */
const APP_ROLES: readonly AppRole[] = [
  appRole('4b1f4f0e-7d0b-4a52-9d58-1f9f5b0a6e11', 'Gateway.Admin', 'Gateway administrators'),
  appRole('9a3c6b52-2f1e-4c8e-8d4a-63e0c7b5a922', 'Gateway.Reader', 'Gateway readers'),
];

/** The application at that stage, and the switches that say the rest. */
export function practiceRegistration(stage: Registration, parts: RegistrationParts): StartedRegistration {
  if (stage === 'absent') {
    const application = emptyApplication(parts.applicationId, parts.now);
    return { application, switches: { rolesGranted: new Set() } };
  }
  const application = practiceApplication(parts.applicationId, parts.secret, parts.now);
  application.importManifest({
    requiredResourceAccess: [applicationPermissions('User.Read.All', 'Group.Read.All')],
    appRoles: APP_ROLES,
  });
  return { application, switches: stage === 'consented' ? {} : { rolesGranted: new Set() } };
}

function appRole(id: string, value: string, displayName: string): AppRole {
  return { id, value, displayName, isEnabled: true, allowedMemberTypes: ['User'] };
}
