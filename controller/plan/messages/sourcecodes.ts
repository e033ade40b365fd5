/**
 * What the exporter's own codes about sources mean, as a sentence that stands behind
 * the message. Codes of others, such as SQLSTATEs, stand in the message alone.
 */
const sentences: Readonly<Record<string, string>> = {
  // S3
  'unknown-access-key': 'The store does not know the access key id.',
  'wrong-secret-key': 'The secret access key is not that of the access key id.',
  'session-expired': 'The session token has expired.',
  'wrong-session-token': 'The session token is not that of the keys.',
  'clock-skew': "The clock of the run's node is wrong by minutes.",
  'object-archived': 'It is archived: restore it before the run.',
  'no-such-bucket': 'There is no such bucket.',
  'wrong-region': 'The bucket is in another region than spec.source.s3.region names.',
  'role-not-assumable': 'There is no such role, or it does not trust the service account.',
  'identity-token-expired': "The clock of the run's node is wrong by minutes.",
  'identity-token-rejected':
    'AWS does not know this cluster as an issuer of tokens: make it an identity provider of the account.',
  'region-disabled': 'The region is not switched on in the account.',

  // Of any kind
  'local-address':
    'It leads to the pod itself or to the link of its node, such as localhost or a metadata service: name another host, or have the endpoint allowed with --allowed-source-endpoint by whoever runs the controller.',

  // Azure Storage
  'keys-not-permitted': 'The storage account permits no account keys: give a SAS token or an identity.',
  'sas-of-another-resource': 'The SAS token must be for the resource types container and object.',
  'sas-of-another-service': 'The SAS token must be for the service Blob.',
  'sas-of-another-protocol': 'The SAS token is for another protocol than that of the endpoint.',
  'address-not-allowed': "The SAS token is for other addresses than the cluster's.",
  'authorization-failed': 'The firewall of the storage account may not let the cluster in.',
  'account-disabled': 'The storage account is disabled.',
  'blob-archived': 'It is archived: restore it before the run.',
  'no-such-container': 'There is no such container.',
  'no-such-account': 'There is no such storage account.',
  'token-needs-https':
    'Tokens of Microsoft Entra are sent by https:// only: write such an endpoint, or give a SAS token.',
  'model-json-missing': 'There is no model.json in that folder.',
  'model-json-unreadable': 'Its model.json is not what Customer Insights writes.',
  'table-not-in-model-json': 'Its model.json does not list the table of the segment.',
  'columns-differ': 'Its columns are not those that model.json lists.',
  'file-formats-differ': 'Its parts are written in different ways, by model.json.',
  'file-format-unknown': 'By model.json it is written in a way that is not supported.',

  // PostgreSQL; Node's names of what goes wrong on the way
  'no-tls': 'The server does not speak TLS: switch it on there.',
  'sqlstate-28p01': 'The password is not that of the user.',
  'sqlstate-3d000': 'There is no such database.',
  'sqlstate-3f000': 'There is no such schema.',
  'sqlstate-42p01': 'There is no such table.',
  enotfound: 'The name of the host is not known.',
  econnrefused: 'Nothing listens there.',

  // Dataverse
  'application-user': 'The environment has no application user for it yet.',
  'web-api': "It is not Dataverse's Web API that answers there.",
  'membership-table': 'It is the table msdynci_segmentmembership, which Customer Insights makes.',
  'membership-columns':
    'The table msdynci_segmentmembership has not the columns that Customer Insights makes.',
  memberships: 'It is the table msdynci_segmentmembership, which Customer Insights makes.',
  'segment-metadata': 'It is the table mscipriv_segmentmetadata, which Customer Insights makes.',
  'row-limit':
    'The environment ends queries of this table at 1000 rows: read the export of Customer Insights by azureBlob instead.',
  'membership-type':
    'It has memberships of another type than spec.source.customerInsights.membershipType names.',
  'letter-case': 'One is there whose name differs in upper and lower case alone.',
};

/** ` There is no such bucket.`; empty where the code says nothing more. */
export function codeSentence(code: string | undefined): string {
  const sentence = code !== undefined && Object.hasOwn(sentences, code) ? sentences[code] : undefined;
  return sentence === undefined ? '' : ` ${sentence}`;
}
