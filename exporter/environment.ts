import { paths } from '../api/names.ts';

/** Where the exporter finds its input. The defaults are the paths in its container. */
export interface Environment {
  runDocument: string;
  /** Directory of the Secret's keys. */
  credentials: string;
  /** Directory that holds the source: the mounted claim. */
  source: string;
  /** Directory of the keys of the source's Secret. */
  sourceCredentials: string;
  /** Directory of the authorities of the source's own, in PEM. */
  sourceCa: string;
  /** File with the service account's token for a cloud's identity service. */
  identityToken: string;
  /** Directory that holds the ledger: the mounted claim. */
  ledger: string;
  /** Directory of the keys of the ledger's object store. */
  ledgerCredentials: string;
  /** PEM file of further authorities; need not exist. */
  caBundle: string;
  terminationMessage: string;
  /** Name of the run in log lines: the Job's. */
  run: string;
  /** Replaces both retry budgets of criteo/budget.ts, in milliseconds. */
  retryBudgetMs?: number;
  /** Replaces the deadline of one call, in milliseconds. */
  callTimeoutMs?: number;
  /** Replaces the time after which a change at Criteo has taken effect, in milliseconds. */
  settleMs?: number;
  /** Replaces how long the ledger's lease lasts, in milliseconds. */
  leaseMs?: number;
  /** Replaces the URL of AWS' token service. */
  stsEndpoint?: string;
}

/** Reads the environment variables `SEGMENTEXPORT_*`. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const environment: Environment = {
    runDocument: env.SEGMENTEXPORT_RUN_DOCUMENT || paths.runDocument,
    credentials: env.SEGMENTEXPORT_CREDENTIALS_DIR || paths.credentials,
    source: env.SEGMENTEXPORT_SOURCE_DIR || paths.source,
    sourceCredentials: env.SEGMENTEXPORT_SOURCE_CREDENTIALS_DIR || paths.sourceCredentials,
    sourceCa: env.SEGMENTEXPORT_SOURCE_CA_DIR || paths.sourceCa,
    identityToken: env.SEGMENTEXPORT_IDENTITY_TOKEN || paths.identityToken,
    ledger: env.SEGMENTEXPORT_LEDGER_DIR || paths.ledger,
    ledgerCredentials: env.SEGMENTEXPORT_LEDGER_CREDENTIALS_DIR || paths.ledgerCredentials,
    caBundle: env.SEGMENTEXPORT_CA_BUNDLE || paths.caBundleFile,
    terminationMessage: env.SEGMENTEXPORT_TERMINATION_MESSAGE || paths.terminationMessage,
    run: env.SEGMENTEXPORT_RUN_ID || 'local',
    ...(env.SEGMENTEXPORT_STS_ENDPOINT ? { stsEndpoint: env.SEGMENTEXPORT_STS_ENDPOINT } : {}),
  };
  const durations = {
    retryBudgetMs: env.SEGMENTEXPORT_RETRY_BUDGET_MS,
    callTimeoutMs: env.SEGMENTEXPORT_CALL_TIMEOUT_MS,
    settleMs: env.SEGMENTEXPORT_SETTLE_MS,
    leaseMs: env.SEGMENTEXPORT_LEASE_MS,
  } as const;
  for (const [name, text] of Object.entries(durations)) {
    const value = positive(text);
    if (value !== undefined) environment[name as keyof typeof durations] = value;
  }
  return environment;
}

function positive(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : undefined;
}
