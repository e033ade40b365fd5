import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildBundle } from '../../../scripts/build.ts';
import { packageDirectories } from '../../../scripts/notices.ts';
import { sbom } from '../../../scripts/sbom.ts';
import { repositoryDirectory } from '../../cluster/paths.ts';

interface Locked {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  link?: boolean;
  hasInstallScript?: boolean;
  integrity?: string;
}

/** What the lock file has, by directory: `node_modules/ajv`. */
let locked: Record<string, Locked>;
let image: string;

beforeAll(async () => {
  const lock = JSON.parse(await readFile(join(repositoryDirectory, 'package-lock.json'), 'utf8'));
  // What else is in it is ours: the project, and pulumi/ as a package of its own.
  const installed = Object.entries<Locked>(lock.packages).filter(
    ([directory, { link }]) => directory.startsWith('node_modules/') && !link,
  );
  locked = Object.fromEntries(installed);
  image = await mkdtemp(join(tmpdir(), 'segmentexport-image-'));
  await buildBundle({ outputDirectory: image });
});

afterAll(() => rm(image, { recursive: true, force: true }));

const nameOf = (directory: string): string => directory.replace(/^.*node_modules\//, '');
const isProduction = ({ dev }: Locked): boolean => dev !== true;

describe('the bill of materials', () => {
  test('names exactly the packages of the lock file that are not for development, with their digests', async () => {
    const { components } = await sbom();
    const listed = components.map(({ name, version }) => `${name}@${version}`).sort();
    const expected = Object.entries(locked).flatMap(([directory, entry]) =>
      isProduction(entry) ? [`${nameOf(directory)}@${entry.version}`] : [],
    );
    expect(listed).toEqual([...new Set(expected)].sort());
    expect(components.filter(({ hashes = [] }) => hashes.length === 0).map(({ name }) => name)).toEqual([]);
  });

  test('has every package that is bundled into the image', async () => {
    const names = new Set((await sbom()).components.map(({ name }) => name));
    const bundled = packageDirectories((await sourcesOf(await filesOf(image))).map(fromRepository));
    expect(bundled.length).toBeGreaterThan(10);
    expect(bundled.map(nameOf).filter((name) => !names.has(name))).toEqual([]);
  });

  test('is the same each time, and calls the project by its name', async () => {
    const bill = await sbom();
    expect(await sbom()).toEqual(bill);
    expect(bill.metadata.component.name).toBe('criteo-segment-export');
  });
});

describe('installing', () => {
  test('runs no script of any package', async () => {
    const npmrc = await readFile(join(repositoryDirectory, '.npmrc'), 'utf8');
    expect(npmrc).toMatch(/^ignore-scripts=true$/m);
    // They work without: esbuild's script only spares it a moment at the start, protobufjs's tells of versions, and that of
    // @pulumi/kubernetes fetches a plugin that no test needs.
    const withScripts = Object.entries(locked).filter(([, { hasInstallScript }]) => hasInstallScript);
    expect(withScripts.map(([directory, { dev }]) => [nameOf(directory), dev])).toEqual([
      ['@pulumi/kubernetes', true],
      ['esbuild', true],
      ['protobufjs', true],
    ]);
  });

  test('takes what the lock file has a digest of, and nothing else', () => {
    const without = Object.entries(locked).filter(([, { integrity }]) => !integrity?.startsWith('sha512-'));
    expect(without.map(([directory]) => directory)).toEqual([]);
  });

  test('needs exact versions: none comes in by itself', async () => {
    const files = ['package.json', 'pulumi/package.json'].map((name) => join(repositoryDirectory, name));
    const manifests = await Promise.all(files.map(async (file) => JSON.parse(await readFile(file, 'utf8'))));
    const wanted = manifests.flatMap(({ dependencies, devDependencies, optionalDependencies }) =>
      Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }),
    );
    expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
  });
});

describe('the image', () => {
  test('is a base that can be named by digest, the Node program and the bundle, and runs as nobody', async () => {
    const text = await readFile(join(repositoryDirectory, 'Dockerfile'), 'utf8');
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const stages = lines.filter((line) => line.startsWith('FROM '));
    const given = (argument: string): string => `FROM $\{${argument}}`;
    expect(stages).toEqual([`${given('NODE_IMAGE')} AS node`, given('BASE_IMAGE')]);
    const last = lines.slice(lines.indexOf(given('BASE_IMAGE')) + 1);
    const words = last.map((line) => line.split(' ')[0]);
    expect(words).toEqual(['COPY', 'ENV', 'WORKDIR', 'COPY', 'USER', 'ENTRYPOINT', 'CMD']);
    expect(last.filter((line) => line.startsWith('COPY'))).toEqual([
      'COPY --from=node /usr/local/bin/node /usr/local/bin/node',
      'COPY dist/image/ /app/',
    ]);
    expect(last).toContain('USER 65532:65532');
  });

  test('has two programs, their pieces, maps and the licences, and nothing else', async () => {
    const files = await filesOf(image);
    const others = files.filter((file) => !/^(lib\/)?[^/]+\.mjs(\.map)?$/.test(file));
    expect(others).toEqual(['THIRD-PARTY-NOTICES.txt']);
    const programs = files.filter((file) => /^[^/]+\.mjs$/.test(file));
    expect(programs).toEqual(['controller.mjs', 'exporter.mjs']);
    const used = new Set([...(await piecesOf('controller.mjs')), ...(await piecesOf('exporter.mjs'))]);
    expect(files.filter((file) => file.endsWith('.mjs') && !used.has(file))).toEqual([]);
  });

  test('holds nothing of Pulumi, and the bill of materials names nothing of it', async () => {
    const sources = (await sourcesOf(await filesOf(image))).map(fromRepository);
    expect(sources.filter((source) => source.includes('pulumi'))).toEqual([]);
    const { components } = await sbom();
    expect(components.filter(({ name }) => /pulumi|grpc/.test(name))).toEqual([]);
  });

  test('has a controller without the exporter, and an exporter without Kubernetes', async () => {
    const controller = await sourcesOf(await piecesOf('controller.mjs'));
    const exporter = await sourcesOf(await piecesOf('exporter.mjs'));
    const rooms = (sources: string[]): string[] => [
      ...new Set(
        sources
          .map(fromRepository)
          .filter((source) => !source.includes('node_modules/'))
          .map((source) => source.split('/')[0] ?? ''),
      ),
    ];
    expect(rooms(controller).sort()).toEqual(['api', 'controller']);
    expect(rooms(exporter).sort()).toEqual(['api', 'exporter']);
    expect(exporter.filter((source) => source.includes('@kubernetes/'))).toEqual([]);
    for (const library of ['@aws-sdk/', '@azure/', '/pg/', '/hyparquet/'])
      expect(controller.filter((source) => source.includes(library))).toEqual([]);
    // The maps do tell: what is there is found.
    expect(controller.some((source) => source.includes('@kubernetes/client-node'))).toBe(true);
    expect(exporter.some((source) => source.includes('@aws-sdk/'))).toBe(true);
  });
});

/** Of a directory, relative to it, sorted. */
async function filesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(directory, join(parentPath, name)))
    .sort();
}

/** A program and every piece that it may load. */
async function piecesOf(file: string, found = new Set<string>()): Promise<string[]> {
  if (found.has(file)) return [];
  found.add(file);
  const text = await readFile(join(image, file), 'utf8');
  for (const match of text.matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']+\.mjs)["']/g)) {
    await piecesOf(join(dirname(file), match[1] ?? ''), found);
  }
  return [...found];
}

/** The source files that pieces were made of, by their maps; absolute. */
async function sourcesOf(files: readonly string[]): Promise<string[]> {
  const maps = files.filter((file) => file.endsWith('.mjs')).map((file) => `${file}.map`);
  const sources = await Promise.all(
    maps.map(async (map) => {
      const { sources } = JSON.parse(await readFile(join(image, map), 'utf8')) as { sources: string[] };
      return sources.map((source) => join(image, dirname(map), source));
    }),
  );
  return sources.flat();
}

function fromRepository(source: string): string {
  return relative(repositoryDirectory, source);
}
