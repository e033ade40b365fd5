import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { thirdPartyNotices } from './notices.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));

export interface BundleOptions {
  /** By the name of the program; default: controller and exporter. Paths from the repository's top. */
  readonly entryPoints?: Readonly<Record<string, string>>;
  /** Emptied first; default: dist/image. */
  readonly outputDirectory?: string;
}

const programs = { controller: 'controller/main.ts', exporter: 'exporter/main.ts' };

// Dependencies in the older module format call require(), which an ES module does not have.
const banner = `import { createRequire as createRequireForBundle } from 'node:module';
const require = createRequireForBundle(import.meta.url);`;

/**
 * Bundles each program with everything that it imports into `<name>.mjs` and pieces in `lib/`, so that the
 * image holds a few files and no node_modules, and writes the licences of what was bundled beside them. The
 * same sources give the same bytes. Returns the output directory.
 */
export async function buildBundle(options: BundleOptions = {}): Promise<string> {
  const outputDirectory = options.outputDirectory ?? join(repository, 'dist/image');
  await rm(outputDirectory, { recursive: true, force: true });
  await mkdir(outputDirectory, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: repository,
    entryPoints: { ...(options.entryPoints ?? programs) },
    outdir: outputDirectory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // A run loads the libraries of its own source and ledger, and no others.
    splitting: true,
    chunkNames: 'lib/[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node24',
    banner: { js: banner },
    sourcemap: true,
    // Lines and names of a stack trace need the map; the sources themselves are in the repository.
    sourcesContent: false,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  const notices = await thirdPartyNotices(repository, Object.keys(metafile.inputs));
  await writeFile(join(outputDirectory, 'THIRD-PARTY-NOTICES.txt'), notices);
  // The image's user is nobody's group: a strict umask here must not make the files unreadable there.
  await chmod(outputDirectory, 0o755);
  for (const entry of await readdir(outputDirectory, { recursive: true, withFileTypes: true })) {
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  }
  return outputDirectory;
}

if (import.meta.main) console.log(await buildBundle());
