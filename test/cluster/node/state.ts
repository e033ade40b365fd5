import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localDirectory } from '../paths.ts';
import type { NodeNetwork } from './network.ts';

/** Everything of the node that this checkout made; removed as a whole by `down`. */
export const stateDirectory = join(localDirectory, 'cluster');
/** What the node sees as /run/node. */
export const nodeDirectory = join(stateDirectory, 'node');
export const logDirectory = join(stateDirectory, 'logs');
export const recordDirectory = join(stateDirectory, 'processes');

/** In the order in which they are started. */
export const nodePrograms = [
  'etcd',
  'containerd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
] as const;
export type NodeProgram = (typeof nodePrograms)[number];

export function recordFile(name: NodeProgram | 'namespaces' | 'node-init'): string {
  return join(recordDirectory, `${name}.process`);
}

/** Written when a node is complete. */
export interface NodeState {
  readonly network: NodeNetwork;
  /** The key of the compiled programs that it runs. */
  readonly programs: string;
}

export const nodeStateFile = join(stateDirectory, 'state.json');

export async function readNodeState(): Promise<NodeState | undefined> {
  const text = await readFile(nodeStateFile, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as NodeState);
}
