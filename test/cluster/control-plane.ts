import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { kubernetesPrograms, type Log } from './binary.ts';
import {
  type AuditLevel,
  apiServerArguments,
  type ControlPlaneSettings,
  controllerManagerArguments,
  etcdArguments,
} from './components.ts';
import { waitForDefaultAccount, waitUntilReady, writeControlPlaneConfig } from './control-plane-setup.ts';
import { type Credentials, writeKubeconfig } from './kubeconfig.ts';
import { localDirectory } from './paths.ts';
import { claimPorts, isFree } from './ports.ts';
import { isAlive, parseRecord, readRecord, recordOf } from './process-identity.ts';
import { endRecorded, Program } from './processes.ts';
import { waitFor } from './wait.ts';

export interface ControlPlaneOptions {
  /** Keeps an audit log with this much of every request; none by default. */
  readonly audit?: AuditLevel;
  /** Whose requests the audit log holds; everybody's by default. */
  readonly auditedUsers?: readonly string[];
  /** Whether Jobs, CronJobs, garbage collection and namespaces work; true by default. */
  readonly controllerManager?: boolean;
  /** More flags for kube-apiserver, such as `--max-requests-inflight=50`. */
  readonly apiServerArguments?: readonly string[];
  /** More flags for kube-controller-manager. */
  readonly controllerManagerArguments?: readonly string[];
  /** `parent` (default): ends with this process, however it ends. `itself`: runs until `cluster down`. */
  readonly livesWith?: 'parent' | 'itself';
  /** Told what takes long, such as compiling Kubernetes for the first time; standard error by default. */
  readonly log?: Log;
}

/** A real etcd, kube-apiserver and kube-controller-manager on loopback, without a node: Jobs exist, pods never run. */
export interface ControlPlane extends Credentials, AsyncDisposable {
  readonly kubeconfigPath: string;
  /** Its own directory, with logs; removed by stop(). */
  readonly directory: string;
  /** One JSON object (audit.k8s.io/v1 Event) a line; undefined without the option `audit`. */
  readonly auditLogPath: string | undefined;
  /** Ends the API server and leaves etcd: clients see refused connections until startApiServer. */
  stopApiServer(): Promise<void>;
  /** Starts it again at the same address with the same data; resolves when it is ready. */
  startApiServer(): Promise<void>;
  restartApiServer(): Promise<void>;
  stopControllerManager(): Promise<void>;
  startControllerManager(): Promise<void>;
  /** Ends everything and removes the directory. A second call does nothing. */
  stop(): Promise<void>;
}

export const controlPlanesDirectory = join(localDirectory, 'control-planes');
const programNames = ['kube-controller-manager', 'kube-apiserver', 'etcd'] as const;
/** In place of the owner's record. */
const ownedByItself = 'itself';
type ProgramName = (typeof programNames)[number];

/**
 * Starts a control plane of its own on free loopback ports; any number can run at once. Needs Linux,
 * no root. Resolves when the API server is ready and, with a controller manager, when pods can be
 * created in the namespace `default` (4 to 8 s).
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const livesWith = options.livesWith ?? 'parent';
  const programs = await kubernetesPrograms(options.log ?? ((line) => process.stderr.write(`${line}\n`)));
  await sweepControlPlanes();
  const owner = livesWith === 'parent' ? (recordOf(process.pid) ?? '') : ownedByItself;
  const { port, directory } = await claimPorts(controlPlanesDirectory, owner);
  try {
    return await start(directory, port, programs, { ...options, livesWith });
  } catch (error) {
    await endControlPlane(directory);
    throw error;
  }
}

/**
 * Ends this checkout's control planes whose owner is gone and, with `alsoOnesThatLiveByThemselves`, those
 * that have none. One whose owner runs is in use and stays. Returns how many were ended.
 */
export async function sweepControlPlanes(alsoOnesThatLiveByThemselves = false): Promise<number> {
  let swept = 0;
  for (const name of await readdir(controlPlanesDirectory).catch(() => [])) {
    const directory = join(controlPlanesDirectory, name);
    const owner = await readFile(join(directory, 'owner'), 'utf8').catch(() => '');
    if (owner === ownedByItself ? !alsoOnesThatLiveByThemselves : !isGone(owner)) continue;
    await endControlPlane(directory);
    swept++;
  }
  return swept;
}

/** The directory of a whole control plane that lives by itself, where there is one. */
export async function findOwnControlPlane(): Promise<string | undefined> {
  for (const name of await readdir(controlPlanesDirectory).catch(() => [])) {
    const directory = join(controlPlanesDirectory, name);
    const owner = await readFile(join(directory, 'owner'), 'utf8').catch(() => '');
    const identities = programNames.map((program) => readRecord(recordFile(directory, program)));
    if (owner === ownedByItself && identities.every((identity) => identity && isAlive(identity)))
      return directory;
  }
  return undefined;
}

// What cannot be read was removed, or is being made, at this moment.
function isGone(owner: string): boolean {
  const identity = parseRecord(owner);
  return identity !== undefined && !isAlive(identity);
}

async function start(
  directory: string,
  port: number,
  programs: string,
  options: ControlPlaneOptions & { livesWith: 'parent' | 'itself' },
): Promise<ControlPlane> {
  const auditLogPath = options.audit ? join(directory, 'audit.log') : undefined;
  const settings: ControlPlaneSettings = {
    configDirectory: join(directory, 'config'),
    etcdDataDirectory: join(directory, 'etcd'),
    etcdPort: port + 1,
    address: '127.0.0.1',
    bindAddress: '127.0.0.1',
    port,
    serviceRange: '10.0.0.0/24',
    serviceAddress: '10.0.0.1',
    auditLogFile: auditLogPath,
    node: false,
  };
  await mkdir(settings.etcdDataDirectory, { mode: 0o700 });
  const credentials = await writeControlPlaneConfig(settings.configDirectory, settings, {
    audit: options.audit,
    auditedUsers: options.auditedUsers,
  });
  const kubeconfigPath = join(directory, 'kubeconfig');
  await writeKubeconfig(kubeconfigPath, credentials, 'criteo-control-plane');

  const launch = (name: ProgramName, args: readonly string[]) =>
    new Program({
      command: join(programs, name),
      args,
      logFile: join(directory, `${name}.log`),
      recordFile: recordFile(directory, name),
      livesWith: options.livesWith,
    });
  const etcd = launch('etcd', etcdArguments(settings));
  const startApiServer = async () => {
    const args = [...apiServerArguments(settings), ...(options.apiServerArguments ?? [])];
    await waitUntilReady(credentials, [etcd, launch('kube-apiserver', args)]);
  };
  const stopApiServer = async () => {
    await endRecorded(recordFile(directory, 'kube-apiserver'), 0);
    // Its first thread may be gone while others still hold the socket.
    await waitFor('The port that the API server left', 60_000, async () => (await isFree(port)) || undefined);
  };
  const startControllerManager = async () => {
    const args = [...controllerManagerArguments(settings), ...(options.controllerManagerArguments ?? [])];
    await waitForDefaultAccount(credentials, launch('kube-controller-manager', args));
  };
  const stop = () => endControlPlane(directory);

  await startApiServer();
  if (options.controllerManager !== false) await startControllerManager();
  return {
    ...credentials,
    kubeconfigPath,
    directory,
    auditLogPath,
    startApiServer,
    stopApiServer,
    restartApiServer: async () => {
      await stopApiServer();
      await startApiServer();
    },
    startControllerManager,
    stopControllerManager: async () =>
      void (await endRecorded(recordFile(directory, 'kube-controller-manager'), 0)),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

// By force: its data are thrown away, and an API server that ends kindly takes up to a minute.
async function endControlPlane(directory: string): Promise<void> {
  for (const name of programNames) await endRecorded(recordFile(directory, name), 0);
  await rm(directory, { recursive: true, force: true });
}

function recordFile(directory: string, name: ProgramName): string {
  return join(directory, `${name}.process`);
}
