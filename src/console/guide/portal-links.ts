/** Links into the Entra admin centre, to the page that a step is done on. */
import { CLOUDS, type CloudName } from '../../core/cloud.ts';

/** Pages of a registered application. */
export type PortalPage =
  | 'Overview'
  | 'Authentication'
  | 'Credentials'
  | 'CallAnAPI'
  | 'AppRoles'
  | 'Manifest';

const AREA = '#view/Microsoft_AAD_RegisteredApps';

/** Where an application is registered. */
export function registerLink(cloud: CloudName): string {
  return `${CLOUDS[cloud].portal}/${AREA}/CreateApplicationBlade/quickStartType~/null/isMSAApp~/false`;
}

/** A page of an application, or the list of applications while there is none. */
export function applicationLink(cloud: CloudName, page: PortalPage, applicationId: string | null): string {
  const { portal } = CLOUDS[cloud];
  if (applicationId === null) return `${portal}/${AREA}/ApplicationsListBlade`;
  return `${portal}/${AREA}/ApplicationMenuBlade/~/${page}/appId/${applicationId}/isMSAApp~/false`;
}
