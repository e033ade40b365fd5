import { parseArgs } from 'node:util';
import { isReservedLabel } from './plan/jobfields.ts';
import { defaultSettings, type Settings } from './plan/settings.ts';

export interface Flags {
  settings: Settings;
  kubeconfig: string | undefined;
  context: string | undefined;
  /** Empty: all. */
  namespaces: string[];
  leaderElect: boolean;
  leaderElectionNamespace: string | undefined;
  healthHost: string;
  healthPort: number;
  workers: number;
  logLevel: LogLevel;
  /** Do this, and end. */
  releaseFinalizers: boolean;
}

const logLevels = ['debug', 'info', 'warn', 'error'] as const;
type LogLevel = (typeof logLevels)[number];
const pullPolicies = ['Always', 'IfNotPresent', 'Never'] as const;

export const usage = `Usage: controller --exporter-image IMAGE [flags]

Watches CriteoConnections and CriteoSegmentExports and runs their exports.

  --exporter-image IMAGE         image of the Jobs' pods, by digest (required)
  --image-pull-policy POLICY     Always, IfNotPresent or Never (IfNotPresent)
  --image-pull-secret NAME       a Secret in the namespace of each export; may be repeated
  --job-https-proxy URL          HTTPS_PROXY of the Jobs' pods; also --job-http-proxy and --job-no-proxy
  --ca-bundle-configmap NAME     a ConfigMap (key ca.crt) in the namespace of each export, trusted beside the
                                 system's certificates
  --allowed-base-url URL         a base URL that connections may name; may be repeated (https://api.criteo.com)
  --allowed-source-endpoint URL  a URL, by scheme, host and port, that sources may name though it is http, or not the
                                 cloud's own and read with workloadIdentity, or leads to the run's pod or node (a
                                 database: https://HOST:PORT); may be repeated (none)
  --allowed-authority-host URL  where tokens of Microsoft Entra may come from beside Microsoft's clouds; may be
                                 repeated (none)
  --allowed-job-label KEY        a label that exports may put on their pods: a key, or a prefix of keys that ends in /; a
                                 label can ask a webhook for a container or a token; may be repeated (none)
  --allowed-priority-class NAME  a priority class that exports may name; may be repeated (none)
  --allowed-toleration KEY       key of a taint that exports may tolerate; may be repeated (none)
  --max-runs-per-connection N    runs of one connection that may be at work at once (5)
  --retire-deadline-seconds N    how long a deleted export waits until its segments at Criteo were dealt with (3600)
  --namespace NAME               watch this namespace only; may be repeated (all)
  --kubeconfig FILE, --context NAME
                                 the cluster, outside of it (KUBECONFIG, ~/.kube/config, or the pod's own)
  --leader-elect=false           for one that runs alone
  --leader-election-namespace N  where the Lease is (the pod's own namespace)
  --health-host HOST, --health-port PORT
                                 /healthz, /readyz and /metrics (127.0.0.1, 8081; port 0: any that is free)
  --workers N                    resources of a kind that are looked at at once (4)
  --log-level LEVEL              debug, info, warn or error (info)
  --release-finalizers           runs nothing: lets go of every export, so that none waits for a controller that is
                                 gone, and prints what stays at Criteo; it waits until no other controller leads`;

const text = { type: 'string' } as const;
const list = { type: 'string', multiple: true } as const;

/** @throws Error whose message names the flag, what was wrong and what would be right. */
export function parseFlags(args: readonly string[]): Flags | 'help' {
  const { values } = parseArgs({
    args: [...args],
    allowPositionals: false,
    options: {
      help: { type: 'boolean' },
      'exporter-image': text,
      'image-pull-policy': text,
      'image-pull-secret': list,
      'job-https-proxy': text,
      'job-http-proxy': text,
      'job-no-proxy': text,
      'ca-bundle-configmap': text,
      'allowed-base-url': list,
      'allowed-source-endpoint': list,
      'allowed-authority-host': list,
      'allowed-job-label': list,
      'allowed-priority-class': list,
      'allowed-toleration': list,
      'max-runs-per-connection': text,
      'retire-deadline-seconds': text,
      namespace: list,
      kubeconfig: text,
      context: text,
      'leader-elect': text,
      'leader-election-namespace': text,
      'health-host': text,
      'health-port': text,
      workers: text,
      'log-level': text,
      'release-finalizers': { type: 'boolean' },
    },
  });
  if (values.help) return 'help';
  const releaseFinalizers = values['release-finalizers'] ?? false;
  const image = values['exporter-image'] ?? '';
  if (image === '' && !releaseFinalizers) {
    throw new Error(
      '--exporter-image: it is missing; name the image of the Jobs, such as registry/criteo-segment-export@sha256:...',
    );
  }
  const caBundleConfigMap = values['ca-bundle-configmap'];
  return {
    settings: {
      image,
      imagePullPolicy: oneOf(
        '--image-pull-policy',
        values['image-pull-policy'],
        pullPolicies,
        defaultSettings.imagePullPolicy,
      ),
      imagePullSecrets: values['image-pull-secret'] ?? [],
      proxy: withoutUndefined({
        https: proxyUrl('--job-https-proxy', values['job-https-proxy']),
        http: proxyUrl('--job-http-proxy', values['job-http-proxy']),
        no: values['job-no-proxy'],
      }),
      ...(caBundleConfigMap === undefined ? {} : { caBundleConfigMap }),
      allowedBaseUrls: (values['allowed-base-url'] ?? defaultSettings.allowedBaseUrls).map((value) =>
        origin('--allowed-base-url', value, 'https://api.criteo.com'),
      ),
      allowedSourceEndpoints: (values['allowed-source-endpoint'] ?? []).map((value) =>
        origin('--allowed-source-endpoint', value, 'https://store.example.com:9000'),
      ),
      allowedAuthorityHosts: (values['allowed-authority-host'] ?? []).map((value) =>
        origin('--allowed-authority-host', value, 'https://login.example.com'),
      ),
      allowedJobLabels: (values['allowed-job-label'] ?? []).map(jobLabel),
      allowedPriorityClasses: (values['allowed-priority-class'] ?? []).map(priorityClass),
      allowedTolerations: (values['allowed-toleration'] ?? []).map(tolerationKey),
      maxRunsPerConnection: count(
        '--max-runs-per-connection',
        values['max-runs-per-connection'],
        1,
        1000,
        defaultSettings.maxRunsPerConnection,
      ),
      retireDeadlineMs:
        1000 *
        count(
          '--retire-deadline-seconds',
          values['retire-deadline-seconds'],
          1,
          86_400,
          defaultSettings.retireDeadlineMs / 1000,
        ),
    },
    kubeconfig: values.kubeconfig,
    context: values.context,
    namespaces: values.namespace ?? [],
    leaderElect: oneOf('--leader-elect', values['leader-elect'], ['true', 'false'], 'true') === 'true',
    leaderElectionNamespace: values['leader-election-namespace'],
    healthHost: values['health-host'] ?? '127.0.0.1',
    healthPort: count('--health-port', values['health-port'], 0, 65_535, 8081),
    workers: count('--workers', values.workers, 1, 100, 4),
    releaseFinalizers,
    logLevel: oneOf('--log-level', values['log-level'], logLevels, 'info'),
  };
}

function oneOf<T extends string>(
  flag: string,
  value: string | undefined,
  allowed: readonly T[],
  fallback: T,
): T {
  if (value === undefined) return fallback;
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new Error(`${flag}: "${value}" is not one of ${allowed.join(', ')}.`);
  return found;
}

function count(
  flag: string,
  value: string | undefined,
  least: number,
  most: number,
  fallback: number,
): number {
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!/^[0-9]+$/.test(value) || number < least || number > most) {
    throw new Error(`${flag}: "${value}" is not a whole number from ${least} to ${most}.`);
  }
  return number;
}

function origin(flag: string, value: string, example: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const plain = url && (url.protocol === 'https:' || url.protocol === 'http:') && url.pathname === '/';
  if (!plain || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new Error(`${flag}: "${value}" is not a URL of scheme, host and port only, such as ${example}.`);
  }
  return value.replace(/\/$/, '');
}

function jobLabel(value: string): string {
  const flag = '--allowed-job-label';
  if (!isKey(value.endsWith('/') ? `${value}any` : value)) {
    throw new Error(
      `${flag}: "${value}" is not the key of a label, such as team or example.com/team, nor a prefix such as example.com/.`,
    );
  }
  if (isReservedLabel(value)) {
    throw new Error(
      `${flag}: "${value}" stands for labels of Kubernetes' own or of the controller's, which no export may set; name others, such as example.com/.`,
    );
  }
  return value;
}

function priorityClass(value: string): string {
  if (/^[a-z0-9.-]{1,253}$/.test(value)) return value;
  throw new Error(
    `--allowed-priority-class: "${value}" is not the name of a priority class, such as batch-low.`,
  );
}

function tolerationKey(value: string): string {
  if (isKey(value)) return value;
  throw new Error(
    `--allowed-toleration: "${value}" is not the key of a taint, such as batch or example.com/batch.`,
  );
}

/** Of a label or a taint: a name, after an optional domain. */
function isKey(value: string): boolean {
  const slash = value.indexOf('/');
  const domainFits = slash < 0 || /^[a-z0-9.-]{1,253}$/.test(value.slice(0, slash));
  return domainFits && /^[A-Za-z0-9_.-]{1,63}$/.test(value.slice(slash + 1));
}

/** Without a user and password: they would stand in every Job's YAML. */
function proxyUrl(flag: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw new Error(
      `${flag}: it is not an http or https URL without user and password, such as http://proxy.example:3128.`,
    );
  }
  return value;
}

function withoutUndefined(
  proxy: { [name in keyof Settings['proxy']]: string | undefined },
): Settings['proxy'] {
  return Object.fromEntries(Object.entries(proxy).filter(([, value]) => value !== undefined));
}
