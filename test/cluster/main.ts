import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Cluster, clusterStatus, downCluster, upCluster } from './cluster.ts';
import { findOwnControlPlane, startControlPlane, sweepControlPlanes } from './control-plane.ts';
import { linkKubectl } from './kubectl.ts';
import { kubeconfigPath, localDirectory } from './paths.ts';

const usage = `Usage: npm run cluster -- up [--control-plane] | down | status
  up                  a whole Kubernetes on this machine; kubeconfig in .local/kubeconfig
  up --control-plane  API server and controllers alone: no node, no pods, no root
  down                removes everything that was made
  status              what runs; exits with 1 while nothing, or not all of it, does`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'control-plane': { type: 'boolean', default: false } },
});

switch (positionals.join(' ')) {
  case 'up':
    await (values['control-plane'] ? upControlPlane() : up());
    break;
  case 'down':
    await down();
    break;
  case 'status':
    await status();
    break;
  default:
    console.error(usage);
    process.exitCode = 2;
}

async function up(): Promise<void> {
  const start = performance.now();
  const elapsed = () => `${((performance.now() - start) / 1000).toFixed(1).padStart(5)} s`;
  const cluster = await upCluster((line) => console.log(`${elapsed()}  ${line}`));
  describe(cluster);
}

async function upControlPlane(): Promise<void> {
  const { provider, cluster } = await clusterStatus();
  if (cluster) throw new Error(`A whole cluster is up already (${provider}); it has a control plane`);
  await mkdir(localDirectory, { recursive: true });
  let directory = await findOwnControlPlane();
  if (!directory) {
    // One of which a part has ended.
    await sweepControlPlanes(true);
    ({ directory } = await startControlPlane({ livesWith: 'itself', log: console.log }));
  }
  await copyFile(join(directory, 'kubeconfig'), kubeconfigPath);
  await linkKubectl();
  describeControlPlane(directory);
}

function describeControlPlane(directory: string): void {
  console.log(`Control plane without a node, logs in ${directory}`);
  console.log(`Look around with: .local/bin/kubectl --kubeconfig ${kubeconfigPath} get all -A`);
}

async function down(): Promise<void> {
  const removed = await downCluster();
  if (removed.length === 0) console.log('Nothing to remove');
  for (const line of removed) console.log(`Removed ${line}`);
}

async function status(): Promise<void> {
  const { provider, cluster, problems } = await clusterStatus();
  const controlPlane = await findOwnControlPlane();
  if (cluster) describe(cluster);
  else if (controlPlane) describeControlPlane(controlPlane);
  else console.log(`Down (would be made with: ${provider})`);
  for (const problem of problems) console.log(problem);
  if ((!cluster && !controlPlane) || problems.length > 0) process.exitCode = 1;
}

function describe(cluster: Cluster): void {
  console.log(`Cluster (${cluster.provider}), kubeconfig ${cluster.kubeconfigPath}`);
  if (cluster.hostAddress)
    console.log(`Pods reach servers of this machine that listen on ${cluster.hostAddress}`);
  console.log(`Look around with: .local/bin/kubectl --kubeconfig ${cluster.kubeconfigPath} get all -A`);
}
