import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryDirectory } from '../cluster/paths.ts';

/** A row of the threat model. */
export interface Threat {
  threat: string;
  holds: string;
  /** Tests that show it. */
  shownBy: { file: string; title: string }[];
}

/** The threats of SECURITY.md: rows of three columns, the last of which names files and titles. */
export function threats(): Threat[] {
  const text = readFileSync(join(repositoryDirectory, 'SECURITY.md'), 'utf8');
  const [, section = ''] = text.split('\n## Threats\n');
  const [own = ''] = section.split('\n## ');
  const rows = own.split('\n').filter((line) => /^\| (?!---|threat )/.test(line));
  return rows.map((row) => {
    const [threat = '', holds = '', shown = ''] = row
      .split(' | ')
      .map((cell) => cell.replace(/^\| | \|$/g, ''));
    const shownBy = [...shown.matchAll(/`([^`]+)`: "([^"]+)"/g)].map(([, file = '', title = '']) => ({
      file,
      title,
    }));
    return { threat, holds, shownBy };
  });
}
