/**
 * The set-up as one paste into a shell with the Azure CLI (`az`), for bash on any system and for Azure Cloud Shell. Every
 * value is quoted for the shell, and everything runs in a bash of its own, whose `set -e` ends nothing else.
 */
import { CLOUDS, type CloudName } from '../../core/cloud.ts';
import { APP_ROLES, APPLICATION_NAME, appRoles, redirectUris, requiredAccess } from './registration.ts';

export interface ScriptSettings {
  readonly tenant: string;
  readonly publicUrl: string;
  readonly cloud: CloudName;
  /** Base URL of Graph. */
  readonly graph: string;
}

/** A text as one word of a POSIX shell. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The end of the here-document; no line of the script is that. */
const END = 'RCPTGATE_SET_UP';

/** The script. It stops when an application of this name exists, and prints the secret once, at its end. */
export function cliScript({ tenant, publicUrl, cloud, graph }: ScriptSettings): string {
  const [signIn, consent] = redirectUris(publicUrl);
  const administrator = APP_ROLES[0]?.id ?? '';
  const json = (value: unknown): string => shellQuoted(JSON.stringify(value));
  return `bash <<'${END}'
set -euo pipefail
# What follows is read from standard input, so nothing else may read it.
az() { command az "$@" </dev/null; }
tenant=${shellQuoted(tenant)}
name=${shellQuoted(APPLICATION_NAME)}
graph=${shellQuoted(graph)}
${cloud === 'global' ? '' : `az cloud set --name ${shellQuoted(CLOUDS[cloud].cli)}\n`}
if [ "$(az account show --query tenantId --output tsv 2>/dev/null || true)" != "$tenant" ]; then
  az login --tenant "$tenant" --allow-no-subscriptions --output none
fi
existing=$(az ad app list --filter "displayName eq '$name'" --query '[0].appId' --output tsv)
if [ -n "$existing" ]; then
  echo "An application named $name exists already: $existing" >&2
  echo "For another secret: az ad app credential reset --id $existing --append --display-name $name --years 2" >&2
  exit 1
fi

# The application: redirect URIs, permissions, app roles. No implicit flow.
application=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg \\
  --web-redirect-uris ${shellQuoted(signIn)} ${shellQuoted(consent)} \\
  --enable-access-token-issuance false --enable-id-token-issuance false \\
  --required-resource-accesses ${json(requiredAccess())} \\
  --app-roles ${json(appRoles())} \\
  --query appId --output tsv)

# Its service principal in this tenant, and the role of a gateway administrator for you.
principal=$(az ad sp create --id "$application" --query id --output tsv)
me=$(az ad signed-in-user show --query id --output tsv)
az rest --method POST --output none --uri "$graph/v1.0/servicePrincipals/$principal/appRoleAssignedTo" \\
  --headers 'Content-Type=application/json' \\
  --body "{\\"principalId\\":\\"$me\\",\\"resourceId\\":\\"$principal\\",\\"appRoleId\\":\\"${administrator}\\"}" ||
  echo "Give yourself the role Gateway.Admin under Enterprise applications, Users and groups." >&2

# The secret, good for two years.
secret=$(az ad app credential reset --id "$application" --append --display-name "$name" --years 2 \\
  --query password --output tsv)
ends=$(az ad app credential list --id "$application" --query '[0].endDateTime' --output tsv)

echo
echo "Application (client) id:  $application"
echo "Client secret (value):    $secret"
echo "It ends:                  $ends"
echo "Enter them in the console, then Save, Authenticate, Connect."
${END}
`;
}
