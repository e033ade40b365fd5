import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aptGet } from './apt.ts';
import { buildah } from './buildah.ts';
import { repositoryDirectory } from './paths.ts';
import { run } from './run.ts';

// What Node needs beside itself, and what a minimal Debian image has.
const packages = ['base-files', 'libc6', 'libgcc-s1', 'libstdc++6', 'netbase', 'tzdata', 'ca-certificates'];

const containerfile = `FROM scratch
COPY root/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["node"]
`;

/** The name under which this machine's stand-in is kept; it changes with everything that the image is made of. */
export async function standInReference(): Promise<string> {
  const inputs = [
    await readFile(join(await nodePackage(), 'package.json')),
    await readFile('/etc/os-release'),
  ];
  const hash = createHash('sha256').update(`${containerfile}${packages.join(' ')}\0`);
  for (const input of inputs) hash.update(input);
  return `localhost/node-stand-in:${hash.digest('hex').slice(0, 16)}`;
}

/**
 * Makes the image that stands in for docker.io/library/node where no registry can be reached: Debian's
 * own packages and the Node that npm installed here. Needs Debian or Ubuntu, and root.
 */
export async function ensureStandInImage(): Promise<string> {
  const reference = await standInReference();
  if (await buildah(['inspect', '--type', 'image', reference]).catch(() => undefined)) return reference;
  const work = await mkdtemp(join(tmpdir(), 'stand-in-'));
  try {
    await fillRoot(work, join(work, 'root'));
    await writeFile(join(work, 'Containerfile'), containerfile);
    const args = ['--isolation', 'chroot', '--layers=false', '--force-rm', '--timestamp', '0'];
    await buildah(['bud', ...args, '--file', join(work, 'Containerfile'), '--tag', reference, work]);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return reference;
}

async function fillRoot(work: string, root: string): Promise<void> {
  await mkdir(root);
  const download = () => aptGet(['download', ...packages], { cwd: work });
  // Fresh containers of Debian come without package lists.
  await download().catch(() => aptGet(['update']).then(download));
  for (const name of await readdir(work)) {
    if (name.endsWith('.deb')) await run('dpkg-deb', ['--extract', join(work, name), root]);
  }
  await writeCertificates(root);
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:\nnonroot:x:65532:65532:nonroot:/home/nonroot:\n',
  );
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
  await mkdir(join(root, 'usr/local/bin'), { recursive: true });
  await copyFile(join(await nodePackage(), 'bin/node'), join(root, 'usr/local/bin/node'));
  await chmod(join(root, 'usr/local/bin/node'), 0o755);
}

// What the package's installation script would do.
async function writeCertificates(root: string): Promise<void> {
  const source = join(root, 'usr/share/ca-certificates/mozilla');
  const names = (await readdir(source)).sort();
  const all = await Promise.all(names.map((name) => readFile(join(source, name), 'utf8')));
  await mkdir(join(root, 'etc/ssl/certs'), { recursive: true });
  await writeFile(join(root, 'etc/ssl/certs/ca-certificates.crt'), all.join('\n'));
}

/** The npm package with a Node binary for Linux on this machine's processor. */
async function nodePackage(): Promise<string> {
  const directory = join(repositoryDirectory, 'node_modules', `node-linux-${process.arch}`);
  await readFile(join(directory, 'package.json')).catch(() => {
    throw new Error(`${directory} is missing; \`npm ci\` installs it as an optional dependency`);
  });
  return directory;
}
