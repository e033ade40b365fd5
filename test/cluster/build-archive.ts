import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { buildah } from './buildah.ts';
import type { ImageToLoad } from './cluster.ts';
import { withLock } from './lock.ts';
import { ensurePackages } from './node/packages.ts';
import { cacheDirectory } from './paths.ts';
import { ensureStandInImage, standInReference } from './stand-in-image.ts';

export interface ArchiveOptions {
  /** The image's name without a tag. */
  readonly name: string;
  /** A hash of everything that the image is made of, its base excepted. */
  readonly content: string;
  readonly context: string;
  readonly dockerfile: string;
  /** The base image; undefined: a stand-in made of Debian packages. */
  readonly base: string | undefined;
  readonly log: (line: string) => void;
}

/** An archive is some 160 MB, and every change of the programs makes another. */
const archivesKept = 3;
const directory = () => join(cacheDirectory(), 'images');

/** Builds an image with buildah into an archive in the cache, once for each content and base. */
export async function buildArchive(options: ArchiveOptions): Promise<ImageToLoad> {
  const earlier = await findArchive(options);
  if (earlier) return earlier;
  await ensurePackages({ buildah: 'buildah' }, options.log);
  return withLock(join(directory(), 'lock'), async () => {
    const meanwhile = await findArchive(options);
    if (meanwhile) return meanwhile;
    const base = await availableBase(options);
    const image = await build(options, base);
    await removeOldArchives();
    return image;
  });
}

async function findArchive(options: ArchiveOptions): Promise<ImageToLoad | undefined> {
  const { archive, tag } = namesFor(options, options.base ?? (await standInReference()));
  // The oldest by this time are removed.
  const touched = await utimes(archive, new Date(), new Date()).catch(() => 'missing');
  return touched === 'missing' ? undefined : { tag, archive };
}

/** Tests must not depend on a registry, so the Dockerfile's own base is taken only where someone names it. */
async function availableBase(options: ArchiveOptions): Promise<string> {
  if (options.base) return options.base;
  options.log('NODE_IMAGE names no base image: building upon a stand-in made of Debian packages');
  return ensureStandInImage();
}

async function build(options: ArchiveOptions, base: string): Promise<ImageToLoad> {
  const { archive, tag } = namesFor(options, base);
  options.log(`Building ${tag} with buildah`);
  const flags = ['--isolation', 'chroot', '--layers=false', '--force-rm', '--timestamp', '0'];
  const inputs = [
    ...['--build-arg', `NODE_IMAGE=${base}`],
    // The stand-in is both: nothing of a registry is needed then.
    ...['--build-arg', `BASE_IMAGE=${process.env.BASE_IMAGE ?? base}`],
    '--file',
    options.dockerfile,
    '--tag',
    tag,
    options.context,
  ];
  await buildah(['bud', ...flags, ...inputs]);
  const unfinished = `${archive}.new`;
  await rm(unfinished, { force: true });
  // Not an OCI archive: buildah compresses that, which takes longer than everything else together.
  await buildah(['push', tag, `docker-archive:${unfinished}:${tag}`]);
  await buildah(['rmi', tag]);
  await rename(unfinished, archive);
  return { tag, archive };
}

function namesFor(options: ArchiveOptions, base: string): { archive: string; tag: string } {
  const bases = [base, process.env.BASE_IMAGE].join(' ');
  const hash = createHash('sha256').update(`${options.content} ${bases}`).digest('hex').slice(0, 16);
  return { archive: join(directory(), `${hash}.tar`), tag: `${options.name}:${hash}` };
}

async function removeOldArchives(): Promise<void> {
  await mkdir(directory(), { recursive: true });
  const names = (await readdir(directory())).filter((name) => name.endsWith('.tar'));
  const aged = await Promise.all(
    names.map(async (name) => ({ name, time: (await stat(join(directory(), name))).mtimeMs })),
  );
  aged.sort((a, b) => b.time - a.time);
  for (const { name } of aged.slice(archivesKept)) await rm(join(directory(), name), { force: true });
}
