/**
 * Microsoft's clouds: where a tenant signs in, where its Graph is, and where its administrator works.
 * Source: Microsoft Graph "National cloud deployments"; Microsoft Entra "National clouds".
 */

export type CloudName = 'global' | 'usgov' | 'usgov-dod' | 'china';

/** Base URLs without a slash at the end. */
export interface Endpoints {
  readonly login: string;
  readonly graph: string;
}

export interface Cloud extends Endpoints {
  /** The Entra admin centre. */
  readonly portal: string;
  /** Its name for `az cloud set`. */
  readonly cli: string;
}

export const CLOUDS: Readonly<Record<CloudName, Cloud>> = {
  global: {
    login: 'https://login.microsoftonline.com',
    graph: 'https://graph.microsoft.com',
    portal: 'https://entra.microsoft.com',
    cli: 'AzureCloud',
  },
  usgov: {
    login: 'https://login.microsoftonline.us',
    graph: 'https://graph.microsoft.us',
    portal: 'https://entra.microsoft.us',
    cli: 'AzureUSGovernment',
  },
  'usgov-dod': {
    login: 'https://login.microsoftonline.us',
    graph: 'https://dod-graph.microsoft.us',
    portal: 'https://entra.microsoft.us',
    cli: 'AzureUSGovernment',
  },
  china: {
    login: 'https://login.partner.microsoftonline.cn',
    graph: 'https://microsoftgraph.chinacloudapi.cn',
    portal: 'https://entra.microsoftonline.cn',
    cli: 'AzureChinaCloud',
  },
};

/** Whether a text names a cloud. */
export function isCloud(name: unknown): name is CloudName {
  return typeof name === 'string' && Object.hasOwn(CLOUDS, name);
}
