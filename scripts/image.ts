import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildArchive } from '../test/cluster/build-archive.ts';
import { clusterStatus, type ImageToLoad, loadImageIntoCluster } from '../test/cluster/cluster.ts';
import { chooseProvider, dockerAnswers } from '../test/cluster/provider.ts';
import { run, succeeds } from '../test/cluster/run.ts';
import { buildBundle } from './build.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));
const name = 'localhost/criteo-segment-export';

export interface ImageOptions {
  readonly log?: (line: string) => void;
  /** A directory that holds dist/image already, to be used instead of the repository and a new bundle. */
  readonly context?: string;
  /** Default: where the tests' cluster takes images from Docker. */
  readonly withDocker?: boolean;
}

/**
 * Builds the image from the Dockerfile, unless the same was built before: with Docker or
 * with buildah. NODE_IMAGE and BASE_IMAGE name its bases; without them Docker takes the Dockerfile's own, and buildah a
 * stand-in made of Debian packages, which is for tests. TEST_IMAGE names an image that exists and is used as it is.
 */
export async function buildImage(options: ImageOptions = {}): Promise<ImageToLoad> {
  const given = process.env.TEST_IMAGE;
  if (given) return { tag: given, archive: undefined };
  const log = options.log ?? console.log;
  if (options.context === undefined) await buildBundle();
  const context = options.context ?? repository;
  const dockerfile = join(repository, 'Dockerfile');
  const content = await contentHash(dockerfile, join(context, 'dist/image'));
  // A node of our own takes archives, and Docker may answer without kind or k3d being there.
  const withDocker = options.withDocker ?? ((await chooseProvider()) !== 'node' && (await dockerAnswers()));
  if (withDocker) return buildWithDocker(context, dockerfile, content, log);
  return buildArchive({ name, content, context, dockerfile, base: process.env.NODE_IMAGE, log });
}

/** Brings a built image into the cluster that is up, and returns the reference that pods name. */
export async function loadImage(image: ImageToLoad): Promise<string> {
  return loadImageIntoCluster(image);
}

async function buildWithDocker(
  context: string,
  dockerfile: string,
  content: string,
  log: (line: string) => void,
): Promise<ImageToLoad> {
  const bases = ['NODE_IMAGE', 'BASE_IMAGE'].flatMap((argument) =>
    process.env[argument] ? [`${argument}=${process.env[argument]}`] : [],
  );
  const tag = `${name}:${bases.length > 0 ? hashOf([content, ...bases]) : content}`;
  const image = { tag, archive: undefined };
  if (await succeeds('docker', ['image', 'inspect', tag])) return image;
  log(`Building ${tag} with Docker`);
  const baseArguments = bases.flatMap((argument) => ['--build-arg', argument]);
  await run('docker', ['build', ...baseArguments, '--file', dockerfile, '--tag', tag, context]);
  return image;
}

/** Changes with the Dockerfile and with the name or content of any file of the bundle. */
async function contentHash(dockerfile: string, bundle: string): Promise<string> {
  const entries = await readdir(bundle, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const names = paths.map((path) => relative(bundle, path)).sort();
  const files = await Promise.all(names.map((file) => readFile(join(bundle, file))));
  return hashOf([await readFile(dockerfile), ...names, ...files]);
}

function hashOf(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}\0`).update(part);
  return hash.digest('hex').slice(0, 16);
}

if (import.meta.main) {
  // A person builds it to push it; the cluster's node takes what its own tests build.
  const image = await buildImage({ withDocker: await dockerAnswers() });
  console.log(image.tag);
  const { cluster, problems } = await clusterStatus();
  if (cluster && problems.length === 0 && (image.archive !== undefined || cluster.provider !== 'node')) {
    console.log(`In the cluster as ${await loadImage(image)}`);
  }
}
