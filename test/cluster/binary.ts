import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { duration, ProgressReporter } from './build-progress.ts';
import { withLock } from './lock.ts';
import { cacheDirectory, repositoryDirectory } from './paths.ts';
import { run, succeeds } from './run.ts';

export type Log = (line: string) => void;

const programs = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
];

/**
 * Compiles Kubernetes' published Go modules into one static program, once for each version of
 * kube/, and returns the directory that holds it under each of its names (etcd, kube-apiserver, ...).
 * Throws an Error that tells what is missing where Go is not installed.
 */
export async function kubernetesPrograms(log: Log): Promise<string> {
  const source = join(repositoryDirectory, 'test/cluster/kube');
  const files = await Promise.all(
    ['go.mod', 'go.sum', 'main.go'].map((name) => readFile(join(source, name))),
  );
  const version = kubernetesVersion(String(files[0]));
  const flags = buildFlags(version);
  return cachedProgram('kube', [...files, flags.join(' ')], async (target) => {
    await requireGo();
    log(
      `Compiling Kubernetes ${version} (once; 8 to 15 minutes on two cores, seconds where Go has it cached)`,
    );
    const total = (await run('go', ['list', '-deps', '.'], { cwd: source, env: goEnvironment() })).split(
      '\n',
    ).length;
    const progress = new ProgressReporter(total);
    const start = performance.now();
    try {
      await compile(source, ['-v', ...flags, '-o', join(target, 'kube')], (line) => {
        // Modules being downloaded are told here too; they are no packages.
        if (!line.startsWith('go: ')) progress.add(1);
      });
    } finally {
      progress.end();
    }
    log(`Compiled in ${duration((performance.now() - start) / 1000)}`);
    for (const name of programs) await symlink('kube', join(target, name));
  });
}

/** Compiles node/init/, the small program that is a node's first process and every pod's pause container. */
export async function nodeInitProgram(): Promise<string> {
  const source = join(repositoryDirectory, 'test/cluster/node/init');
  const files = await Promise.all(['go.mod', 'main.go'].map((name) => readFile(join(source, name))));
  const flags = ['-trimpath', '-ldflags', '-s -w'];
  return cachedProgram('node-init', [...files, flags.join(' ')], async (target) => {
    await requireGo();
    await compile(source, [...flags, '-o', join(target, 'node-init')], () => undefined);
  });
}

/** The key of a compiled program: it changes with every input that changes the program. */
export function programKey(inputs: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\0`);
  for (const input of inputs) hash.update(`${input.length}\0`).update(input);
  return hash.digest('hex').slice(0, 16);
}

/** The version of Kubernetes that a go.mod asks for, such as `v1.34.4`. */
export function kubernetesVersion(goMod: string): string {
  const version = /^\s*k8s\.io\/kubernetes (v\d+\.\d+\.\d+)$/m.exec(goMod)?.[1];
  if (!version) throw new Error('kube/go.mod requires no k8s.io/kubernetes vX.Y.Z');
  return version;
}

/** Flags of `go build` that make the program tell its version as the published ones do. */
export function buildFlags(version: string): string[] {
  const [major, minor] = version.slice(1).split('.');
  const variables = { gitVersion: version, gitMajor: major, gitMinor: minor };
  const values = Object.entries(variables).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  return ['-trimpath', '-ldflags', `-s -w ${values.join(' ')}`];
}

/** Returns the cache's directory for `inputs`; `build` fills it first where it does not exist. */
export async function cachedProgram(
  name: string,
  inputs: readonly (string | Uint8Array)[],
  build: (target: string) => Promise<void>,
): Promise<string> {
  const parent = join(cacheDirectory(), name);
  const target = join(parent, programKey(inputs));
  if (await exists(target)) return target;
  // Test files run at once; compiling twice on the same cores takes twice as long.
  return withLock(join(parent, 'lock'), async () => {
    if (await exists(target)) return target;
    const unfinished = `${target}.new`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    await build(unfinished);
    await rename(unfinished, target);
    return target;
  });
}

async function compile(cwd: string, args: readonly string[], onLine: (line: string) => void): Promise<void> {
  const child = spawn('go', ['build', ...args, '.'], {
    cwd,
    env: goEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  const lastLines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    onLine(line);
    lastLines.push(line);
    if (lastLines.length > 20) lastLines.shift();
  }
  const [code, signal] = await exit;
  if (code !== 0) throw new Error(`go build in ${cwd} ended (${signal ?? code}):\n${lastLines.join('\n')}`);
}

function goEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' };
}

async function requireGo(): Promise<void> {
  if (await succeeds('go', ['version'])) return;
  throw new Error(
    'The test cluster is compiled from source and needs Go 1.21 or newer (https://go.dev/dl), which fetches the ' +
      'exact version by itself. Or use Docker with kind or k3d, or name a cluster with TEST_KUBECONFIG.',
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
