import { paths } from '../api/names.ts';

/** Where the exporter finds its input. The defaults are the paths in its container. */
export interface Environment {
  runDocument: string;
  /** Directory of the Secret's keys. */
  credentials: string;
  /** Directory that holds the source: the mounted claim. */
  source: string;
  /** PEM file of further authorities; need not exist. */
  caBundle: string;
  terminationMessage: string;
  /** Name of the run in log lines: the Job's. */
  run: string;
  /** Replaces both retry budgets of criteo/retry.ts, in milliseconds. */
  retryBudgetMs?: number;
  /** Replaces the deadline of one call, in milliseconds. */
  callTimeoutMs?: number;
}

/** Reads the environment variables `SEGMENTEXPORT_*`. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const environment: Environment = {
    runDocument: env.SEGMENTEXPORT_RUN_DOCUMENT || paths.runDocument,
    credentials: env.SEGMENTEXPORT_CREDENTIALS_DIR || paths.credentials,
    source: env.SEGMENTEXPORT_SOURCE_DIR || paths.source,
    caBundle: env.SEGMENTEXPORT_CA_BUNDLE || paths.caBundleFile,
    terminationMessage: env.SEGMENTEXPORT_TERMINATION_MESSAGE || paths.terminationMessage,
    run: env.SEGMENTEXPORT_RUN_ID || 'local',
  };
  const retryBudgetMs = positive(env.SEGMENTEXPORT_RETRY_BUDGET_MS);
  if (retryBudgetMs !== undefined) environment.retryBudgetMs = retryBudgetMs;
  const callTimeoutMs = positive(env.SEGMENTEXPORT_CALL_TIMEOUT_MS);
  if (callTimeoutMs !== undefined) environment.callTimeoutMs = callTimeoutMs;
  return environment;
}

function positive(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : undefined;
}
