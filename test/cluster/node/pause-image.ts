import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../run.ts';

export const pauseImage = 'localhost/pause:node-init';

/**
 * Packs node-init as the image of every pod's pause container, in the OCI layout that
 * `ctr images import` reads. Returns the archive's path, beside the program.
 */
export async function pauseImageArchive(initDirectory: string): Promise<string> {
  const archive = join(initDirectory, 'pause.tar');
  if (await stat(archive).catch(() => undefined)) return archive;
  const work = await mkdtemp(join(tmpdir(), 'pause-image-'));
  try {
    await pack(work, join(initDirectory, 'node-init'));
    const unfinished = `${archive}.${process.pid}.new`;
    await run('tar', ['-C', join(work, 'layout'), '-cf', unfinished, '.']);
    await rename(unfinished, archive);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return archive;
}

async function pack(work: string, program: string): Promise<void> {
  const blobs = join(work, 'layout', 'blobs', 'sha256');
  await Promise.all([mkdir(blobs, { recursive: true }), mkdir(join(work, 'root'))]);
  await copyFile(program, join(work, 'root', 'node-init'));
  const layer = join(work, 'layer.tar');
  await run('tar', [
    '-C',
    join(work, 'root'),
    '--owner=0',
    '--group=0',
    '--mtime=@0',
    '-cf',
    layer,
    'node-init',
  ]);

  const addBlob = async (mediaType: string, content: Uint8Array) => {
    const hash = createHash('sha256').update(content).digest('hex');
    await writeFile(join(blobs, hash), content);
    return { mediaType, digest: `sha256:${hash}`, size: content.length };
  };
  const addJson = (mediaType: string, value: object) =>
    addBlob(mediaType, Buffer.from(JSON.stringify(value)));

  const media = 'application/vnd.oci.image';
  const rootLayer = await addBlob(`${media}.layer.v1.tar`, await readFile(layer));
  const config = await addJson(`${media}.config.v1+json`, {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Entrypoint: ['/node-init'], User: '65535:65535' },
    rootfs: { type: 'layers', diff_ids: [rootLayer.digest] },
  });
  const manifest = await addJson(`${media}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${media}.manifest.v1+json`,
    config,
    layers: [rootLayer],
  });
  const annotations = { 'io.containerd.image.name': pauseImage };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  await writeFile(join(work, 'layout', 'index.json'), JSON.stringify(index));
  await writeFile(join(work, 'layout', 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}
