import { readFileSync } from 'node:fs';
import { documentTable, type Table } from '../../support/documenttable.ts';

const file = new URL('../../../docs/access.md', import.meta.url);
export const accessDocument = readFileSync(file, 'utf8');

/** The first table below a heading of docs/access.md. */
export function tableBelow(heading: string): Table {
  return documentTable('docs/access.md', heading);
}
