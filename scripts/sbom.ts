import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** A bill of materials of CycloneDX, as far as we read it. */
export interface Sbom {
  bomFormat: string;
  specVersion: string;
  serialNumber?: string;
  metadata: { timestamp?: string; component: { name: string; version: string; 'bom-ref': string } };
  components: {
    name: string;
    version: string;
    purl: string;
    'bom-ref': string;
    hashes?: { alg: string; content: string }[];
  }[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

interface LockFile {
  packages: Record<string, { version?: string; dev?: boolean }>;
}

/**
 * The packages that the programs are made of, by package-lock.json alone: nothing is asked of a registry. The same
 * lock file gives the same text. What the image has beside them (Node, its base's libraries) is told by the base image.
 */
export async function sbom(): Promise<Sbom> {
  // Not with --omit dev: that leaves out what a tool for development uses too.
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: repository, maxBuffer: 64 * 1024 * 1024 });
  const { serialNumber: _, metadata, components, dependencies, ...rest } = JSON.parse(stdout) as Sbom;
  const { timestamp: _time, ...lasting } = metadata;
  const { name } = await readJson<{ name: string }>('package.json');
  const ours = productionRefs(await readJson<LockFile>('package-lock.json'));
  return {
    ...rest,
    // npm calls the project by the directory in which it lies.
    metadata: { ...lasting, component: { ...metadata.component, name } },
    components: components.filter((component) => ours.has(component['bom-ref'])),
    dependencies: dependencies
      .filter(({ ref }) => ours.has(ref) || ref === metadata.component['bom-ref'])
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => ours.has(other)) })),
  };
}

/** `name@version` of all that is not for development alone. */
function productionRefs({ packages }: LockFile): Set<string> {
  const ours = Object.entries(packages).filter(([directory, { dev }]) => directory !== '' && dev !== true);
  return new Set(
    ours.map(([directory, { version }]) => `${directory.replace(/^.*node_modules\//, '')}@${version}`),
  );
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(join(repository, file), 'utf8')) as T;
}

if (import.meta.main) {
  const file = join(repository, 'dist/sbom.json');
  const bill = await sbom();
  await mkdir(join(repository, 'dist'), { recursive: true });
  await writeFile(file, `${JSON.stringify(bill, undefined, 2)}\n`);
  console.log(`wrote dist/sbom.json (${bill.components.length} packages)`);
}
