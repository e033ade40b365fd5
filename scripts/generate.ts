import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFiles, staleFiles } from './generate/files.ts';

/**
 * Writes what is derived from crds/: types, schemas and the field reference.
 * With `--check` it writes nothing, names each file that is stale and exits 1.
 */

const pathOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

const files = await generatedFiles();
const stale = staleFiles(files, (name) => readFileSync(pathOf(name), 'utf8'));
if (stale.length === 0) {
  console.log('generated files are up to date');
} else if (process.argv.includes('--check')) {
  console.error(`stale, because crds/ changed: ${stale.join(', ')}. Run "npm run generate".`);
  process.exitCode = 1;
} else {
  for (const name of stale) {
    mkdirSync(dirname(pathOf(name)), { recursive: true });
    writeFileSync(pathOf(name), files.get(name) ?? '');
  }
  console.log(`wrote ${stale.join(', ')}`);
}
