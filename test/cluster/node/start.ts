import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callApi } from '../api.ts';
import { kubernetesPrograms, type Log, nodeInitProgram } from '../binary.ts';
import {
  apiServerArguments,
  type ControlPlaneSettings,
  controllerManagerArguments,
  etcdArguments,
} from '../components.ts';
import { waitForDefaultAccount, waitUntilReady, writeControlPlaneConfig } from '../control-plane-setup.ts';
import { type Credentials, writeKubeconfig } from '../kubeconfig.ts';
import { kubeconfigPath } from '../paths.ts';
import { Program } from '../processes.ts';
import { run } from '../run.ts';
import { waitFor } from '../wait.ts';
import { createCgroup } from './cgroups.ts';
import { importImage } from './images.ts';
import { createNamespaces, enterNode } from './namespaces.ts';
import { chooseNetwork, type NodeNetwork, usedRanges } from './network.ts';
import { ensurePackages, nodeRequirements } from './packages.ts';
import { pauseImage, pauseImageArchive } from './pause-image.ts';
import { inNode, machineNames, nodeCertificates, nodeConfiguration, nodeName } from './settings.ts';
import {
  logDirectory,
  type NodeProgram,
  type NodeState,
  nodeDirectory,
  nodeStateFile,
  recordDirectory,
  recordFile,
  stateDirectory,
} from './state.ts';
import { removeNode } from './stop.ts';

const networkScript = fileURLToPath(new URL('network.sh', import.meta.url));

/** Starts a whole cluster of one node, after removing what an earlier one left. Resolves when pods can run. */
export async function startNode(log: Log): Promise<NodeState> {
  await ensurePackages(nodeRequirements, log);
  const programs = await kubernetesPrograms(log);
  const init = await nodeInitProgram();
  const pause = await pauseImageArchive(init);
  for (const line of await removeNode()) log(`Left by an earlier run: ${line}`);

  const network = chooseNetwork(
    usedRanges(await run('ip', ['-json', '-4', 'route', 'show', 'table', 'all'])),
  );
  log(`Node on ${network.nodeAddress}, pods on ${network.podRange}`);
  const settings = controlPlaneSettings(network);
  const credentials = await writeConfiguration(settings, network);
  const launch = await createNode(network, programs, init);

  const etcd = launch('etcd', [`${inNode.programs}/etcd`, ...etcdArguments(settings)]);
  const containerd = launch('containerd', ['containerd', '--config', `${inNode.config}/containerd.toml`]);
  const apiServer = launch('kube-apiserver', [
    `${inNode.programs}/kube-apiserver`,
    ...apiServerArguments(settings),
  ]);
  await waitFor('containerd', 60_000, () => {
    containerd.assertRunning();
    return importImage(pause);
  });
  await waitUntilReady(credentials, [etcd, apiServer]);
  log('API server is ready');

  const others = [
    launch('kube-controller-manager', [
      `${inNode.programs}/kube-controller-manager`,
      ...controllerManagerArguments(settings),
    ]),
    launch('kube-scheduler', [`${inNode.programs}/kube-scheduler`, ...schedulerArguments()]),
    launch('kube-proxy', [`${inNode.programs}/kube-proxy`, ...proxyArguments()]),
    launch('kubelet', [`${inNode.programs}/kubelet`, ...kubeletArguments(network)]),
  ] as const;
  // All of these programs start at this moment, and one call is given 5 s.
  await waitFor('The default storage class', 60_000, async () => {
    await callApi(credentials, 'POST', '/apis/storage.k8s.io/v1/storageclasses', defaultStorageClass);
    return true;
  });
  await waitForNode(credentials, network, others);
  await waitForDefaultAccount(credentials, others[0]);
  log(`Node ${nodeName} is ready`);

  await writeKubeconfig(kubeconfigPath, credentials, 'criteo-segment-export');
  const state: NodeState = { network, programs: basename(programs) };
  await writeFile(nodeStateFile, JSON.stringify(state));
  return state;
}

function controlPlaneSettings(network: NodeNetwork): ControlPlaneSettings {
  return {
    configDirectory: inNode.config,
    etcdDataDirectory: '/var/lib/etcd',
    etcdPort: 2379,
    address: network.nodeAddress,
    bindAddress: '0.0.0.0',
    port: 6443,
    serviceRange: network.serviceRange,
    serviceAddress: network.serviceAddress,
    node: true,
  };
}

async function writeConfiguration(
  settings: ControlPlaneSettings,
  network: NodeNetwork,
): Promise<Credentials> {
  for (const directory of [nodeDirectory, logDirectory, recordDirectory]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
  const directory = join(nodeDirectory, 'config');
  const credentials = await writeControlPlaneConfig(directory, settings, {
    clients: nodeCertificates(network),
  });
  for (const [name, content] of Object.entries(
    nodeConfiguration(network, machineNames(stateDirectory), pauseImage),
  )) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  return credentials;
}

type Launch = (name: NodeProgram, command: readonly string[]) => Program;

async function createNode(network: NodeNetwork, programs: string, initDirectory: string): Promise<Launch> {
  const names = machineNames(stateDirectory);
  await createCgroup(names.cgroup);
  const init = await createNamespaces(programs, initDirectory);
  const { hostAddress, nodeAddress, podRange } = network;
  await run('sh', [networkScript, String(init), names.link, hostAddress, nodeAddress, podRange]);
  const [enter = '', ...enterArguments] = enterNode(init);
  return (name, command) =>
    new Program({
      command: enter,
      args: [...enterArguments, ...command],
      logFile: join(logDirectory, `${name}.log`),
      recordFile: recordFile(name),
      livesWith: 'itself',
    });
}

function schedulerArguments(): string[] {
  return [`--kubeconfig=${inNode.config}/scheduler.kubeconfig`, '--leader-elect=false', '--secure-port=0'];
}

function proxyArguments(): string[] {
  return [`--config=${inNode.config}/proxy.yaml`, `--hostname-override=${nodeName}`];
}

function kubeletArguments(network: NodeNetwork): string[] {
  return [
    `--config=${inNode.config}/kubelet.yaml`,
    `--kubeconfig=${inNode.config}/kubelet.kubeconfig`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${network.nodeAddress}`,
  ];
}

const defaultStorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: 'kubernetes.io/host-path',
  reclaimPolicy: 'Delete',
};

/** Resolves when the node takes pods and Services have their addresses in its packet filter. */
async function waitForNode(
  credentials: Credentials,
  network: NodeNetwork,
  programs: readonly Program[],
): Promise<void> {
  const check = () => {
    for (const program of programs) program.assertRunning();
  };
  await waitFor('A node that is ready', 60_000, async () => {
    check();
    const node = (await callApi(credentials, 'GET', `/api/v1/nodes/${nodeName}`)) as NodeObject | undefined;
    const ready = node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    return ready && !node?.spec?.taints ? true : undefined;
  });
  await waitFor('kube-proxy', 60_000, async () => {
    check();
    const { ok } = await fetch(`http://${network.nodeAddress}:10256/healthz`);
    return ok || undefined;
  });
}

interface NodeObject {
  readonly spec?: { readonly taints?: unknown };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}
