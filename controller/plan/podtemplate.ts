import { annotations, caKey, labels, managedBy, paths } from '../../api/names.ts';
import type { RunDocument } from '../../api/rundocument.ts';
import { defined } from './fields.ts';
import type { ListedFields } from './jobfields.ts';
import type { PodTemplate } from './kubernetes.ts';
import type { LedgerMount } from './ledger.ts';
import type { Settings } from './settings.ts';

export interface PodRequest {
  run: RunDocument;
  credentialsSecret: string;
  source?: SourceMount;
  ledger?: LedgerMount;
  labels: Record<string, string>;
  resources?: object;
  nodeSelector?: Record<string, string>;
  /** Of the tenant's choice; only what is allowed. */
  listed?: ListedFields;
}

/** What the pod of an export has for its source. */
export interface SourceMount {
  /** The claim with the files. */
  claim?: string;
  secret?: string;
  /** The Secret with the authorities of the source's own. */
  caSecret?: string;
  /** Of the pod. It gets no token that the API server accepts. */
  serviceAccount?: string;
  /** Who takes a token of the service account. */
  tokenAudience?: string;
}

/** By these a Job tells later what it had mounted. */
export const volumeNames = {
  credentials: 'credentials',
  source: 'source',
  sourceCredentials: 'source-credentials',
  sourceCa: 'source-ca',
  ledger: 'ledger',
  ledgerCredentials: 'ledger-credentials',
} as const;

const nonRoot = 65532;

/**
 * A million digests take 32 MB; the rest is Node's own and the CSV reader's
 * buffers. Check with the benchmark before lowering it.
 */
const defaultResources = {
  requests: { cpu: '100m', memory: '128Mi' },
  limits: { memory: '512Mi' },
};

/** The exporter's pod: `restricted`, without a token, secrets as files. */
export function podTemplate(request: PodRequest, settings: Settings): PodTemplate {
  const volumes = volumesOf(request, settings);
  const { labels: chosen, tolerations, priorityClassName } = request.listed ?? {};
  return {
    metadata: {
      // Ours win: by them the controller knows its pods.
      labels: { ...chosen, ...request.labels, [labels.managedBy]: managedBy },
      annotations: { [annotations.run]: JSON.stringify(request.run) },
    },
    spec: {
      restartPolicy: 'Never',
      ...defined({ serviceAccountName: request.source?.serviceAccount }),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: nonRoot,
        runAsGroup: nonRoot,
        fsGroup: nonRoot,
        // Else the kubelet changes the owner of every file of the ledger at each run.
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(settings.imagePullSecrets.length > 0
        ? { imagePullSecrets: settings.imagePullSecrets.map((name) => ({ name })) }
        : {}),
      ...(request.nodeSelector ? { nodeSelector: request.nodeSelector } : {}),
      ...defined({ tolerations, priorityClassName }),
      ...oneNode(request),
      containers: [
        {
          name: 'exporter',
          image: settings.image,
          imagePullPolicy: settings.imagePullPolicy,
          command: ['node', '/app/exporter.mjs'],
          env: environment(settings),
          resources: request.resources ?? defaultResources,
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          terminationMessagePath: paths.terminationMessage,
          terminationMessagePolicy: 'File',
          volumeMounts: volumes.map(({ mountPath, volume, writable = false }) => ({
            name: volume.name,
            mountPath,
            readOnly: !writable,
          })),
        },
      ],
      volumes: volumes.map(({ volume }) => volume),
    },
  };
}

/** Two pods on two nodes would wait for each other's volume for ever; the pods of checks mount none. */
function oneNode({ ledger, labels: own }: PodRequest): object {
  if (!ledger || !('claimName' in ledger) || !ledger.oneNode) return {};
  const labelSelector = {
    matchLabels: { [labels.connectionUid]: own[labels.connectionUid] },
    matchExpressions: [{ key: labels.runKind, operator: 'In', values: ['Export', 'Retire'] }],
  };
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector };
  return { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
}

function environment(settings: Settings): object[] {
  const { https, http, no } = settings.proxy;
  const plain = { HTTPS_PROXY: https, HTTP_PROXY: http, NO_PROXY: no };
  return [
    {
      name: 'SEGMENTEXPORT_RUN_ID',
      valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/job-name']" } },
    },
    ...Object.entries(plain).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }])),
  ];
}

interface MountedVolume {
  mountPath: string;
  writable?: true;
  volume: { name: string } & Record<string, unknown>;
}

function volumesOf(request: PodRequest, settings: Settings): MountedVolume[] {
  const volumes: MountedVolume[] = [
    {
      mountPath: dirname(paths.runDocument),
      volume: {
        name: 'run',
        downwardAPI: {
          items: [
            {
              path: basename(paths.runDocument),
              fieldRef: { fieldPath: `metadata.annotations['${annotations.run}']` },
            },
          ],
        },
      },
    },
    secretVolume(volumeNames.credentials, request.credentialsSecret, paths.credentials),
  ];
  volumes.push(...sourceVolumes(request.source ?? {}));
  if (request.ledger && 'claimName' in request.ledger) {
    const { claimName } = request.ledger;
    volumes.push({
      mountPath: paths.ledger,
      writable: true,
      volume: { name: volumeNames.ledger, persistentVolumeClaim: { claimName } },
    });
  } else if (request.ledger) {
    const { credentialsSecret } = request.ledger;
    volumes.push(secretVolume(volumeNames.ledgerCredentials, credentialsSecret, paths.ledgerCredentials));
  }
  if (settings.caBundleConfigMap !== undefined) {
    volumes.push({
      mountPath: paths.caBundle,
      volume: { name: 'ca', configMap: { name: settings.caBundleConfigMap, optional: true } },
    });
  }
  return volumes;
}

function sourceVolumes({ claim, secret, caSecret, tokenAudience }: SourceMount): MountedVolume[] {
  const volumes: MountedVolume[] = [];
  if (claim !== undefined) {
    volumes.push({
      mountPath: paths.source,
      volume: {
        name: volumeNames.source,
        // readOnly on the claim, not only on the mount: else fsGroup rewrites the owner of the tenant's files.
        persistentVolumeClaim: { claimName: claim, readOnly: true },
      },
    });
  }
  if (secret !== undefined) {
    volumes.push(secretVolume(volumeNames.sourceCredentials, secret, paths.sourceCredentials));
  }
  if (caSecret !== undefined) volumes.push(caVolume(caSecret));
  if (tokenAudience !== undefined) volumes.push(tokenVolume(tokenAudience));
  return volumes;
}

/** Only the certificates: what a Secret of a certificate also holds is its private key. */
function caVolume(secretName: string): MountedVolume {
  const items = [{ key: caKey, path: caKey }];
  return {
    mountPath: paths.sourceCa,
    volume: {
      name: volumeNames.sourceCa,
      secret: { secretName, optional: true, defaultMode: 0o440, items },
    },
  };
}

/** A token for a cloud's identity service: by its audience no other takes it, the API server included. */
function tokenVolume(audience: string): MountedVolume {
  const serviceAccountToken = { audience, expirationSeconds: 3600, path: basename(paths.identityToken) };
  return {
    mountPath: dirname(paths.identityToken),
    volume: { name: 'identity', projected: { sources: [{ serviceAccountToken }], defaultMode: 0o440 } },
  };
}

/** Optional: a missing Secret is the exporter's clear report, not a pod that hangs in ContainerCreating. */
function secretVolume(name: string, secretName: string, mountPath: string): MountedVolume {
  return { mountPath, volume: { name, secret: { secretName, optional: true, defaultMode: 0o440 } } };
}

function dirname(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
