import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ApiServer, ReplyBody } from './apiserver.ts';

/** The parts of a pod that the process kubelet reads. */
export interface PodObject {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
    deletionGracePeriodSeconds?: number;
  };
  spec: {
    nodeName?: string;
    containers: {
      name: string;
      image: string;
      env?: { name: string; value?: string; valueFrom?: { fieldRef?: { fieldPath: string } } }[];
      volumeMounts?: { name: string; mountPath: string }[];
      terminationMessagePath?: string;
    }[];
    volumes?: Volume[];
  };
  status?: { phase?: string };
}

interface Volume {
  name: string;
  secret?: { secretName: string; optional?: boolean };
  configMap?: { name: string; optional?: boolean };
  downwardAPI?: { items: { path: string; fieldRef: { fieldPath: string } }[] };
  persistentVolumeClaim?: { claimName: string; readOnly?: boolean };
}

/** Where files of claims are: on the host, one directory a claim. */
export type ClaimDirectory = (namespace: string, claimName: string) => string;

/** Makes a pod's volumes below `directory`; returns the host's directory of each, by volume name. */
export async function makeVolumes(
  pod: PodObject,
  directory: string,
  api: ApiServer,
  claimDirectory: ClaimDirectory,
): Promise<Map<string, string>> {
  const directories = new Map<string, string>();
  const { namespace } = pod.metadata;
  for (const volume of pod.spec.volumes ?? []) {
    if (volume.persistentVolumeClaim) {
      const { claimName, readOnly } = volume.persistentVolumeClaim;
      const place = claimDirectory(namespace, claimName);
      // A volume that nobody has written to yet; what is only read, its owner puts there.
      if (!readOnly) await mkdir(place, { recursive: true });
      directories.set(volume.name, place);
      continue;
    }
    const place = join(directory, 'volumes', volume.name);
    await mkdir(place, { recursive: true });
    directories.set(volume.name, place);
    for (const [path, content] of await filesOf(volume, pod, api)) {
      await mkdir(dirname(join(place, path)), { recursive: true });
      await writeFile(join(place, path), content);
    }
  }
  return directories;
}

async function filesOf(volume: Volume, pod: PodObject, api: ApiServer): Promise<[string, string | Buffer][]> {
  const base = `/api/v1/namespaces/${pod.metadata.namespace}`;
  if (volume.secret) {
    const data = await dataOf(api, `${base}/secrets/${volume.secret.secretName}`, volume.secret.optional);
    return Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64')]);
  }
  if (volume.configMap) {
    return Object.entries(
      await dataOf(api, `${base}/configmaps/${volume.configMap.name}`, volume.configMap.optional),
    );
  }
  return (volume.downwardAPI?.items ?? []).map(({ path, fieldRef }) => [
    path,
    podField(pod, fieldRef.fieldPath),
  ]);
}

async function dataOf(api: ApiServer, path: string, optional = false): Promise<Record<string, string>> {
  const { status, body } = await api.call(path);
  if (status === 404 && optional) return {};
  if (status !== 200) throw new Error(`${path}: ${status}`);
  return (body as ReplyBody & { data?: Record<string, string> }).data ?? {};
}

/** `metadata.annotations['...']` and `metadata.labels['...']`, the only ones that the exporter's pods use. */
export function podField(pod: PodObject, fieldPath: string): string {
  const [, kind, key] = /^metadata\.(annotations|labels)\['(.+)'\]$/.exec(fieldPath) ?? [];
  if (kind === undefined || key === undefined) throw new Error(`field path ${fieldPath} is not played`);
  return pod.metadata[kind as 'annotations' | 'labels']?.[key] ?? '';
}
