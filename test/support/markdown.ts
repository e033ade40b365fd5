import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repositoryDirectory } from '../cluster/paths.ts';

export interface Section {
  /** How many `#` stand before the heading. */
  level: number;
  heading: string;
  /** All lines up to the next heading of any level. */
  text: string;
}

/** The sections of a document such as docs/runbook.md, in order; a `#` in a block of code begins none. */
export function sectionsOf(path: string): Section[] {
  const sections: Section[] = [];
  let isCode = false;
  for (const line of readFileSync(join(repositoryDirectory, path), 'utf8').split('\n')) {
    if (line.startsWith('```')) isCode = !isCode;
    const mark = isCode ? undefined : /^#{1,6} /.exec(line)?.[0];
    const last = sections.at(-1);
    if (mark) sections.push({ level: mark.length - 1, heading: line.slice(mark.length), text: '' });
    else if (last) last.text += `${line}\n`;
  }
  return sections;
}

/** The name by which GitHub's pages link to a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
    .replaceAll(' ', '-');
}

/** Of a document's links within the repository, those that lead to no file or heading. */
export function brokenLinks(path: string): string[] {
  const text = readFileSync(join(repositoryDirectory, path), 'utf8');
  return [...text.matchAll(/\]\(([^()\s]{1,200})\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !target.includes('://') && !leadsSomewhere(path, target));
}

function leadsSomewhere(path: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const document = file === '' ? path : join(dirname(path), file);
  if (!existsSync(join(repositoryDirectory, document))) return false;
  return anchor === undefined || sectionsOf(document).some(({ heading }) => anchorOf(heading) === anchor);
}

/** The commands for kubectl that a document shows, in its lines or in blocks of their own; each once. */
export function commandsOf(path: string): string[] {
  const text = readFileSync(join(repositoryDirectory, path), 'utf8');
  const inBlocks = text
    .split('\n')
    .filter((line) => line.startsWith('kubectl '))
    .map((line) => line.split(' #')[0]?.trimEnd() ?? '');
  const inLines = [...text.matchAll(/`(kubectl [^`]{1,300})`/g)].map(([, command = '']) => command);
  return [...new Set([...inBlocks, ...inLines])];
}
