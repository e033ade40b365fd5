import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The directories of the npm packages that files belong to, sorted; nested ones by their own.
 * Paths are relative to the repository's top, as esbuild's metafile has them.
 */
export function packageDirectories(files: readonly string[]): string[] {
  const found = new Set<string>();
  for (const file of files) {
    const directory = /^(.*\/)?node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0];
    if (directory) found.add(directory);
  }
  return [...found].sort();
}

/** The name, version, licence and licence text of every npm package that the files belong to. */
export async function thirdPartyNotices(repository: string, files: readonly string[]): Promise<string> {
  const notices = packageDirectories(files).map((directory) => notice(join(repository, directory)));
  const heading = 'This software contains the following packages, each under its own licence.\n';
  return [heading, ...(await Promise.all(notices))].join(`\n${'-'.repeat(80)}\n\n`);
}

async function notice(directory: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
  };
  const names = (await readdir(directory))
    .filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
    .sort();
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  const title = `${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})`;
  return `${[title, ...texts.map((text) => text.trim())].join('\n\n')}\n`;
}
