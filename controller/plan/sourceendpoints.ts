import type { CriteoSegmentExportSpec } from '../../api/generated/criteosegmentexport.ts';
import type { ExportReadiness } from './conditions.ts';
import type { Settings } from './settings.ts';

type SourceSpec = CriteoSegmentExportSpec['source'];
type AllowLists = Pick<Settings, 'allowedSourceEndpoints' | 'allowedAuthorityHosts'>;

/** Where tokens of Microsoft Entra come from, in Microsoft's clouds. */
export const authorityHosts = [
  'https://login.microsoftonline.com',
  'https://login.microsoftonline.us',
  'https://login.partner.microsoftonline.cn',
];

/**
 * Why a run may not speak to where its source is, if so. A person may read any
 * server with keys of their own; but the platform's identity, and what is sent
 * without encryption, go only where the vendor is or who runs the controller says.
 */
export function endpointFault(source: SourceSpec, lists: AllowLists): ExportReadiness | undefined {
  const authority = authorityOf(source);
  if (authority && !isAmong(authority.value, [...authorityHosts, ...lists.allowedAuthorityHosts])) {
    return refused(
      'AuthorityHostNotAllowed',
      `${authority.field}: ${authority.value} is none of Microsoft's clouds; write one of ${authorityHosts.join(', ')}, or have it added with --allowed-authority-host by whoever runs the controller.`,
    );
  }
  const region = foreignRegion(source);
  if (region !== undefined) {
    return refused(
      notAllowed,
      `spec.source.s3.region: "${region}" is no region of AWS, and a host would be named by it; write one such as "eu-north-1".`,
    );
  }
  const endpoint = endpointOf(source);
  if (!endpoint || isAmong(endpoint.value, lists.allowedSourceEndpoints)) return undefined;
  const { field, value, vendor } = endpoint;
  if (!isEncrypted(value)) {
    return refused(
      notAllowed,
      `${field}: ${value} is not encrypted; write a URL with https://, or have it added with --allowed-source-endpoint by whoever runs the controller.`,
    );
  }
  if (!endpoint.withIdentity || isOf(vendor, value)) return undefined;
  return refused(
    notAllowed,
    `${field}: ${value} is not ${vendor.name}, and with workloadIdentity a run speaks there as your cloud's identity; write ${vendor.example}, or keys of a Secret in credentialsSecretRef, or have it added with --allowed-source-endpoint by whoever runs the controller.`,
  );
}

/** Whether who runs the controller named where the source is: it may then be anywhere, a loopback address included. */
export function isAllowedEndpoint(
  source: SourceSpec,
  { allowedSourceEndpoints }: Pick<Settings, 'allowedSourceEndpoints'>,
): boolean {
  const { postgresql } = source;
  const url = postgresql ? urlOf(postgresql) : endpointOf(source)?.value;
  return url !== undefined && isAmong(url, allowedSourceEndpoints);
}

/** It is on the list as if it were a URL: the server is spoken to over TLS too. */
function urlOf({ host, port }: { host: string; port: number }): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const notAllowed = 'SourceEndpointNotAllowed';

function refused(reason: typeof notAllowed | 'AuthorityHostNotAllowed', message: string): ExportReadiness {
  return { status: 'False', reason, message, progress: 'Stalled' };
}

interface Vendor {
  name: string;
  /** What would be right. */
  example: string;
  /** Its hosts: of names below a vendor's domain many are any customer's machines. */
  hosts: RegExp;
}

const s3OfAws: Vendor = {
  name: 'S3 of AWS',
  example: 'one such as https://s3.eu-north-1.amazonaws.com',
  hosts:
    /^([a-z0-9-]+\.)*s3(-[a-z0-9-]+)?(\.dualstack)?(\.[a-z]{2}(-[a-z0-9]+)+)?(\.vpce)?\.amazonaws\.com(\.cn)?$/,
};
const azureStorage: Vendor = {
  name: 'Azure Storage',
  example: 'one such as https://marketing.blob.core.windows.net',
  hosts:
    /^[a-z0-9-]+(\.z[0-9]+)?\.(blob|dfs)\.(core\.windows\.net|core\.usgovcloudapi\.net|core\.chinacloudapi\.cn|storage\.azure\.net)$/,
};
const dataverse: Vendor = {
  name: 'an environment of Dataverse',
  example: 'one such as https://contoso.crm4.dynamics.com',
  hosts:
    /^[a-z0-9-]+(\.api)?\.crm[0-9]*\.(dynamics\.com|dynamics\.cn|microsoftdynamics\.us|appsplatform\.us)$/,
};

interface Endpoint {
  field: string;
  value: string;
  vendor: Vendor;
  withIdentity: boolean;
}

/** Undefined where the vendor's is taken anyway, or where the source has none. */
function endpointOf({ s3, azureBlob, customerInsights }: SourceSpec): Endpoint | undefined {
  if (s3?.endpoint !== undefined) {
    const withIdentity = s3.workloadIdentity !== undefined;
    return { field: 'spec.source.s3.endpoint', value: s3.endpoint, vendor: s3OfAws, withIdentity };
  }
  if (azureBlob) {
    const withIdentity = azureBlob.workloadIdentity !== undefined;
    const { endpoint: value } = azureBlob;
    return { field: 'spec.source.azureBlob.endpoint', value, vendor: azureStorage, withIdentity };
  }
  if (customerInsights) {
    const withIdentity = customerInsights.workloadIdentity !== undefined;
    const { environmentUrl: value } = customerInsights;
    return {
      field: 'spec.source.customerInsights.environmentUrl',
      value,
      vendor: dataverse,
      withIdentity,
    };
  }
  return undefined;
}

function authorityOf({ azureBlob, customerInsights }: SourceSpec) {
  if (azureBlob) return { field: 'spec.source.azureBlob.authorityHost', value: azureBlob.authorityHost };
  if (!customerInsights) return undefined;
  return { field: 'spec.source.customerInsights.authorityHost', value: customerInsights.authorityHost };
}

/** A region from which a host of AWS is made, and with which another host would come of it. */
function foreignRegion({ s3 }: SourceSpec): string | undefined {
  const namesHost = s3 && (s3.endpoint === undefined || s3.workloadIdentity !== undefined);
  return namesHost && !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(s3.region) ? s3.region : undefined;
}

/** Read as the exporter's client reads it: in capitals, in other scripts and with escapes a host is still the same. */
function parsed(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}

/** Whether scheme, host and port are those of one of the list. */
function isAmong(url: string, list: readonly string[]): boolean {
  const wanted = parsed(url);
  return wanted !== undefined && list.some((allowed) => parsed(allowed)?.origin === wanted.origin);
}

function isEncrypted(url: string): boolean {
  return parsed(url)?.protocol === 'https:';
}

/** By its own host and port; a user in a URL makes a host look like another's. */
function isOf({ hosts }: Vendor, url: string): boolean {
  const found = parsed(url);
  return (
    found !== undefined &&
    found.port === '' &&
    found.username === '' &&
    found.password === '' &&
    hosts.test(found.hostname)
  );
}
