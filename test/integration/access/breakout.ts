import type { JobSpec } from '../../../controller/plan/kubernetes.ts';

type Fields = Record<string, unknown>;

/** The parts of a Job that an attempt changes. */
export interface Parts {
  job: Fields;
  podMetadata: { labels: Record<string, string>; annotations: Record<string, string> };
  pod: Fields & { volumes: Fields[]; securityContext: Fields };
  container: Fields & { env: Fields[]; volumeMounts: Fields[]; securityContext: Fields };
}

/** One way to make a Job of the controller's do something else. */
export interface Attempt {
  by: string;
  /** The beginning of what the API server must say. */
  refusal: string;
  change(parts: Parts): void;
  /** false: Kubernetes itself has no such CronJobs. */
  inCronJobs?: false;
}

export function partsOf(spec: JobSpec): Parts {
  const pod = spec.template.spec as Parts['pod'];
  const [container] = pod.containers as Parts['container'][];
  if (!container) throw new Error('a pod without containers');
  const podMetadata = spec.template.metadata as Parts['podMetadata'];
  return { job: spec as unknown as Fields, podMetadata, pod, container };
}

const otherContainer = { name: 'other', image: 'other.example/other' };
const unknownJobField = "Fields that the controller's Jobs do not have: ";
const unknownPodField = "Fields that the controller's pods do not have: ";
const unknownContainerField = "Fields that the controller's containers do not have: ";
const metadata =
  "The controller's pods have labels and annotations of segmentexport.io only, and labels that --allowed-job-label names.";
const toleration = 'The pods tolerate a taint that --allowed-toleration does not name.';
const priority = 'priorityClassName is one that --allowed-priority-class does not name.';
const environment = "The container's environment is the run's name, and the proxy";
const podSecurity = "The controller's pods run as no root user, with the seccomp profile RuntimeDefault.";
const containerSecurity = 'The container has no privileges, no capabilities, and a root file system';
const volumeKinds = "The controller's volumes are the run document, Secrets, volume claims,";
const projected = 'Projected volumes hold tokens for sts.amazonaws.com and api://AzureADTokenExchange only.';
const mounts = 'Volumes are mounted below /run/segmentexport, as a whole.';

const execHook = { preStop: { exec: { command: ['sh'] } } };

/** What the flags allow by lists, and is on none. */
export const listedAttempts: Attempt[] = [
  label('a label of another Service', metadata, 'app', 'payments'),
  label('a label that asks a webhook for a token', metadata, 'azure.workload.identity/use', 'true'),
  pod('every taint tolerated', toleration, { tolerations: [{ operator: 'Exists' }] }),
  pod('a taint tolerated that keeps nodes for others', toleration, {
    tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }],
  }),
  pod("a priority before everybody's", priority, { priorityClassName: 'system-node-critical' }),
];

export const attempts: Attempt[] = [
  ...listedAttempts,
  {
    ...job('a selector of its own', "The controller's Jobs choose no pods by a selector", {
      manualSelector: true,
      selector: { matchLabels: { 'segmentexport.io/run-kind': 'Export' } },
    }),
    inCronJobs: false,
  },
  job('many pods at once', "The controller's Jobs have one pod at a time.", {
    parallelism: 100,
    completions: 100,
  }),
  job('another controller of Jobs', `${unknownJobField}managedBy.`, { managedBy: 'other.example/jobs' }),

  {
    by: 'an annotation that asks a webhook for a container',
    refusal: metadata,
    change: ({ podMetadata }) =>
      void Object.assign(podMetadata.annotations, { 'vault.hashicorp.com/agent-inject': 'true' }),
  },

  pod('an init container', `${unknownPodField}initContainers.`, { initContainers: [otherContainer] }),
  pod("the host's network", `${unknownPodField}hostNetwork.`, { hostNetwork: true }),
  pod("the host's processes", `${unknownPodField}hostPID.`, { hostPID: true }),
  pod("the host's IPC", `${unknownPodField}hostIPC.`, { hostIPC: true }),
  pod('one node', `${unknownPodField}nodeName.`, { nodeName: 'control-plane' }),
  pod('another runtime', `${unknownPodField}runtimeClassName.`, { runtimeClassName: 'other' }),
  pod('a device', `${unknownPodField}resourceClaims.`, {
    resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }],
  }),
  pod('hosts of its own', `${unknownPodField}hostAliases.`, {
    hostAliases: [{ ip: '10.0.0.1', hostnames: ['api.criteo.com'] }],
  }),
  pod('name servers of its own', `${unknownPodField}dnsConfig.`, {
    dnsConfig: { nameservers: ['10.0.0.1'] },
  }),
  {
    by: 'a second container',
    refusal: "The controller's pods have one container.",
    change: ({ pod: spec }) => void (spec.containers as object[]).push(otherContainer),
  },
  pod("the service account's own token", "The controller's pods have automountServiceAccountToken: false.", {
    automountServiceAccountToken: true,
  }),
  {
    by: "the service account's own token, by leaving the field away",
    refusal: "The controller's pods have automountServiceAccountToken: false.",
    change: ({ pod: spec }) => void delete spec.automountServiceAccountToken,
  },
  pod('a pull secret', 'imagePullSecrets name a Secret that --image-pull-secret does not.', {
    imagePullSecrets: [{ name: 'other' }],
  }),
  podContext('root', { runAsUser: 0, runAsNonRoot: false }),
  podContext('a user that the image chooses', { runAsUser: undefined }),
  podContext('whatever user', { runAsNonRoot: undefined }),
  podContext('no seccomp profile', { seccompProfile: { type: 'Unconfined' } }),
  podContext('a sysctl', { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] }),
  podContext('groups of its own', { supplementalGroups: [0] }),

  container('another image', "The controller's Jobs run the image that it was installed with, and no other", {
    image: 'other.example/other',
  }),
  container('another command', "The controller's Jobs run the exporter, and no other command.", {
    command: ['node', '--eval', 'steal()'],
  }),
  container('no command', "The controller's Jobs run the exporter, and no other command.", {
    command: undefined,
  }),
  container('arguments', `${unknownContainerField}args.`, { args: ['--import', 'data:text/javascript,'] }),
  container('a port of the host', `${unknownContainerField}ports.`, {
    ports: [{ containerPort: 80, hostPort: 80 }],
  }),
  container('a hook', `${unknownContainerField}lifecycle.`, { lifecycle: execHook }),
  container('a probe that runs a command', `${unknownContainerField}livenessProbe.`, {
    livenessProbe: { exec: { command: ['sh'] } },
  }),
  container('a working directory', `${unknownContainerField}workingDir.`, { workingDir: '/tmp' }),
  container('a terminal', `${unknownContainerField}stdin.`, { stdin: true }),
  container('the environment of a Secret', `${unknownContainerField}envFrom.`, {
    envFrom: [{ secretRef: { name: 'other' } }],
  }),
  env('options of Node', { name: 'NODE_OPTIONS', value: '--import=data:text/javascript,' }),
  env('a library to load first', { name: 'LD_PRELOAD', value: '/run/segmentexport/source/evil.so' }),
  env('a proxy of its own', { name: 'HTTPS_PROXY', value: 'http://other.example' }),
  env('a Secret', { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'other', key: 'token' } } }),
  env('a Secret in the place of the name', {
    name: 'SEGMENTEXPORT_RUN_ID',
    valueFrom: { secretKeyRef: { name: 'other', key: 'token' } },
  }),
  containerContext('all of the host', { privileged: true, allowPrivilegeEscalation: undefined }),
  containerContext('more privileges later', { allowPrivilegeEscalation: true }),
  containerContext('a root file system to write to', { readOnlyRootFilesystem: false }),
  containerContext('a capability', { capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } }),
  containerContext('all capabilities of the runtime', { capabilities: undefined }),
  containerContext('root, in the container alone', { runAsUser: 0 }),
  containerContext('no seccomp profile, in the container alone', { seccompProfile: { type: 'Unconfined' } }),
  container('a report elsewhere', 'The report is at /dev/termination-log.', {
    terminationMessagePath: '/run/segmentexport/ledger/ledger.json',
  }),

  volume("the host's files", volumeKinds, { hostPath: { path: '/' } }),
  volume('a directory of its own', volumeKinds, { emptyDir: {} }),
  volume('a driver of its own', volumeKinds, { csi: { driver: 'other.example' } }),
  volume("another's export", volumeKinds, { nfs: { server: '10.0.0.1', path: '/' } }),
  volume('a ConfigMap', 'A volume is of a ConfigMap that --ca-bundle-configmap does not name.', {
    configMap: { name: 'other' },
  }),
  volume('a Secret that hangs the pod', 'Volumes of Secrets are optional.', {
    secret: { secretName: 'other' },
  }),
  volume('a token of the API server', projected, token({ path: 'token' })),
  volume(
    'a token of the API server, by its name',
    projected,
    token({ path: 'token', audience: 'https://kubernetes.default.svc' }),
  ),
  volume('a token of somebody else', projected, token({ path: 'token', audience: 'vault' })),
  volume('a Secret, projected', projected, {
    projected: { sources: [{ secret: { name: 'other', optional: true } }] },
  }),
  mount('a place of its own', mounts, { mountPath: '/app', readOnly: true }),
  mount('a place of its own, by the way up', mounts, {
    mountPath: '/run/segmentexport/../../app',
    readOnly: true,
  }),
  mount('a part of a volume', mounts, {
    mountPath: '/run/segmentexport/part',
    subPath: 'part',
    readOnly: true,
  }),
  {
    by: "a tenant's list to write to",
    refusal: "Volumes are mounted read only, but for the ledger's at /run/segmentexport/ledger.",
    change: ({ container: { volumeMounts } }) =>
      void Object.assign(volumeMounts.find(({ name }) => name === 'source') ?? {}, { readOnly: false }),
  },
];

function job(by: string, refusal: string, fields: Fields): Attempt {
  return { by, refusal, change: (parts) => void Object.assign(parts.job, fields) };
}

function label(by: string, refusal: string, name: string, value: string): Attempt {
  return {
    by,
    refusal,
    change: ({ podMetadata }) => void Object.assign(podMetadata.labels, { [name]: value }),
  };
}

function pod(by: string, refusal: string, fields: Fields): Attempt {
  return { by, refusal, change: (parts) => void Object.assign(parts.pod, fields) };
}

function podContext(by: string, fields: Fields): Attempt {
  return {
    by,
    refusal: podSecurity,
    change: (parts) => void Object.assign(parts.pod.securityContext, fields),
  };
}

function container(by: string, refusal: string, fields: Fields): Attempt {
  return { by, refusal, change: (parts) => void Object.assign(parts.container, fields) };
}

function containerContext(by: string, fields: Fields): Attempt {
  return {
    by,
    refusal: containerSecurity,
    change: (parts) => void Object.assign(parts.container.securityContext, fields),
  };
}

function env(by: string, variable: Fields): Attempt {
  return {
    by: `an environment variable: ${by}`,
    refusal: environment,
    // In the place of one with its name: the list is a map by name.
    change: (parts) => {
      parts.container.env = [...parts.container.env.filter(({ name }) => name !== variable.name), variable];
    },
  };
}

function volume(by: string, refusal: string, source: Fields): Attempt {
  return {
    by: `a volume: ${by}`,
    refusal,
    change: (parts) => void parts.pod.volumes.push({ name: 'other', ...source }),
  };
}

function mount(by: string, refusal: string, fields: Fields): Attempt {
  return {
    by: `a mount: ${by}`,
    refusal,
    change: (parts) => void parts.container.volumeMounts.push({ name: 'credentials', ...fields }),
  };
}

function token(serviceAccountToken: Fields): Fields {
  return { projected: { sources: [{ serviceAccountToken }] } };
}
