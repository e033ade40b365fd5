/** Names that both programs, the manifests and the tests share. */

export const group = 'segmentexport.io';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;

/** Annotations that a person or a pipeline sets on a CriteoSegmentExport. */
export const annotations = {
  /** RFC 3339 time; a value newer than the last one handled starts one run. */
  requestedAt: `${group}/requestedAt`,
  planRequestedAt: `${group}/planRequestedAt`,
  approvedRun: `${group}/approvedRun`,
  cancelledRun: `${group}/cancelledRun`,
  /** On Jobs and pod templates: the run document, read by the pod as a downward-API file. */
  run: `${group}/run`,
  /** On Jobs: a hash of the pod template, so that a held Job of an older definition is recognised. */
  templateHash: `${group}/template-hash`,
  /** On Jobs made for a request: the value of requestedAt that they answer. */
  request: `${group}/request`,
  /** On Jobs made for a plan: the value of planRequestedAt that they answer. */
  planRequest: `${group}/plan-request`,
  /** On Jobs that a person's approval started: the run that was approved, and the token of what it had seen. */
  approved: `${group}/approved`,
  approval: `${group}/approval`,
  /** On Jobs that follow others: when those had succeeded, as JSON from an entry of spec.runAfter to an RFC 3339 time. */
  after: `${group}/after`,
  /** On Jobs that took the place of a held one: how many stood there before. */
  replacement: `${group}/replacement`,
  /** Where a person had made the first of them: its uid and time. */
  replaces: `${group}/replaces`,
  askedAt: `${group}/asked-at`,
  /** Set by the CronJob controller on the Jobs that a schedule makes. */
  scheduledTimestamp: 'batch.kubernetes.io/cronjob-scheduled-timestamp',
} as const;

/**
 * Labels on Jobs and pods. They carry uids, because an object's name may be
 * longer than a label's value (63 characters).
 */
export const labels = {
  exportUid: `${group}/export-uid`,
  connectionUid: `${group}/connection-uid`,
  /** `Check`, `Export` or `Retire`. */
  runKind: `${group}/run-kind`,
  managedBy: 'app.kubernetes.io/managed-by',
  partOf: 'app.kubernetes.io/part-of',
} as const;

export const managedBy = 'criteo-segment-export';

/** Paths in the exporter's container. */
export const paths = {
  runDocument: '/run/segmentexport/run/run.json',
  credentials: '/run/segmentexport/credentials',
  source: '/run/segmentexport/source',
  sourceCredentials: '/run/segmentexport/source-credentials',
  sourceCa: '/run/segmentexport/source-ca',
  /** The service account's token for a cloud's identity service; the API server does not accept it. */
  identityToken: '/run/segmentexport/identity/token',
  ledger: '/run/segmentexport/ledger',
  ledgerCredentials: '/run/segmentexport/ledger-credentials',
  caBundle: '/run/segmentexport/ca',
  caBundleFile: '/run/segmentexport/ca/ca.crt',
  terminationMessage: '/dev/termination-log',
} as const;

/** Keys of the Secret that a connection's credentialsSecretRef names. */
export const credentialKeys = { clientId: 'clientId', clientSecret: 'clientSecret' } as const;

/** Keys of the Secret that spec.ledger.s3.credentialsSecretRef names. */
export const objectStoreKeys = { accessKeyId: 'accessKeyId', secretAccessKey: 'secretAccessKey' } as const;

/** Keys of the Secrets that a source's credentialsSecretRef names; each source takes some of them. */
export const sourceKeys = {
  accessKeyId: 'accessKeyId',
  secretAccessKey: 'secretAccessKey',
  sessionToken: 'sessionToken',
  sasToken: 'sasToken',
  accountKey: 'accountKey',
  tenantId: 'tenantId',
  clientId: 'clientId',
  clientSecret: 'clientSecret',
  username: 'username',
  password: 'password',
} as const;

/** Key of the Secret that caSecretRef names. */
export const caKey = 'ca.crt';

/** Who the token of a service account is for, by the cloud that takes it. */
export const tokenAudiences = { aws: 'sts.amazonaws.com', azure: 'api://AzureADTokenExchange' } as const;

/** On exports whose segments at Criteo are to be emptied or deleted when they go. */
export const finalizer = `${group}/retire`;
