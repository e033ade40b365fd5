import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryDirectory } from '../cluster/paths.ts';

export interface Table {
  /** The headings of all columns but the first. */
  columns: string[];
  /** By the first cell, the others of its row. */
  rows: Map<string, string[]>;
}

/** The first table below a heading of a document, such as docs/access.md. */
export function documentTable(path: string, heading: string): Table {
  const lines = readFileSync(join(repositoryDirectory, path), 'utf8').split('\n');
  const start = lines.indexOf(`## ${heading}`);
  if (start < 0) throw new Error(`${path} has no heading "${heading}"`);
  const first = lines.findIndex((line, index) => index > start && line.startsWith('|'));
  const end = lines.findIndex((line, index) => index > first && !line.startsWith('|'));
  const [head = [], , ...body] = lines.slice(first, end).map(cellsOf);
  const rows = new Map<string, string[]>();
  for (const [name = '', ...cells] of body) {
    if (rows.has(name) || cells.length !== head.length - 1) {
      throw new Error(`${path}, "${heading}": the row "${name}" is there twice or has too few cells`);
    }
    rows.set(name, cells);
  }
  return { columns: head.slice(1), rows };
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
