import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import * as contents from '../deploy/contents.ts';
import { thirdPartyNotices } from './notices.ts';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('..', import.meta.url));
const packageDirectory = join(repository, 'pulumi');

/**
 * Makes pulumi/dist/ of the Pulumi package: JavaScript of Node 22 that both import and require() load, with all that it
 * needs but Pulumi itself, and its declarations. The same sources give the same bytes.
 */
export async function buildPulumiPackage(): Promise<void> {
  const output = join(packageDirectory, 'dist');
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: repository,
    entryPoints: ['pulumi/index.ts'],
    outfile: join(output, 'index.js'),
    bundle: true,
    // Programs of Pulumi are CommonJS more often than not.
    format: 'cjs',
    platform: 'node',
    target: 'node22',
    // A second copy of Pulumi would not know the resources of the program's own.
    external: ['@pulumi/*'],
    plugins: [contentsInPlace],
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  const notices = await thirdPartyNotices(repository, Object.keys(metafile.inputs));
  await writeFile(join(output, 'THIRD-PARTY-NOTICES.txt'), notices);
  await cp(join(repository, 'LICENSE'), join(output, 'LICENSE'));
  // The sources beside it are modules, and say so in the package's own package.json.
  await writeFile(join(output, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);
  await writeDeclarations(join(output, 'types'));
}

/** The package has no files of the repository to read: what they hold becomes part of it. */
const contentsInPlace: Plugin = {
  name: 'contents-in-place',
  setup(bundler) {
    bundler.onLoad({ filter: /\/deploy\/contents\.ts$/ }, () => ({
      contents: Object.entries(contents)
        .map(([name, read]) => `export const ${name} = () => (${JSON.stringify(read())});`)
        .join('\n'),
    }));
  },
};

const ourImports = /( from |import\()'(\.[^']+)\.ts'/g;

/** Those that pulumi/index.ts refers to, and no others of the many that the compiler writes. */
async function writeDeclarations(directory: string): Promise<void> {
  const all = join(repository, 'pulumi/dist/all-types');
  const compiler = join(repository, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [
    compiler,
    ...['--project', join(repository, 'scripts/pulumipackage.tsconfig.json')],
    ...['--outDir', all],
  ]);
  const waiting = ['pulumi/index.d.ts'];
  for (const file of waiting) {
    const text = await readFile(join(all, file), 'utf8');
    for (const [, , path = ''] of text.matchAll(ourImports)) {
      const imported = join(dirname(file), `${path}.d.ts`);
      if (!waiting.includes(imported)) waiting.push(imported);
    }
    await mkdir(dirname(join(directory, file)), { recursive: true });
    // Not every compiler of a program finds the declarations of a name with .ts.
    await writeFile(join(directory, file), text.replaceAll(ourImports, "$1'$2.js'"));
  }
  await rm(all, { recursive: true });
}

if (import.meta.main) {
  await buildPulumiPackage();
  // Standard output is npm's, when it packs.
  console.error('wrote pulumi/dist; npm pack makes an archive of it');
}
