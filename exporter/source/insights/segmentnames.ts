import { isRecord } from '../../criteo/problems.ts';

/**
 * The segments that a membership row names: `{"Segments":["Name",..]}`, or the bare array, as a text. A row
 * without a text names none; undefined where the text is something else.
 */
export function segmentNames(text: unknown): readonly string[] | undefined {
  if (text === null || text === undefined || text === '') return [];
  if (typeof text !== 'string') return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    const names = isRecord(parsed) ? parsed.Segments : parsed;
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Texts by which `contains` finds the rows of a segment, and may find others. How the quotes around a name are
 * to be written is not known: other readers send them plain, Microsoft's page prints a backslash before each.
 * Without quotes the name is found either way, with all whose names contain it. None where no
 * part of the name is sure to be found.
 */
export function searchTexts(name: string): string[] {
  const [part = '', start] = longestSurePart(name);
  if (part === '') return [];
  const isEnd = start + part.length === name.length;
  const quoted = (quote: string): string => `${start === 0 ? quote : ''}${part}${isEnd ? quote : ''}`;
  return [...new Set([quoted('"'), quoted('\\"'), part])];
}

/**
 * The longest part of a name that means itself wherever it stands, and where it starts. JSON writes letters outside ASCII
 * and some signs in more than one way; brackets are wildcards to one server and themselves to another. `_` and `%` may
 * stay: as wildcards they find themselves too, and rows are looked at again.
 */
function longestSurePart(name: string): [part: string, start: number] {
  let longest: [string, number] = ['', 0];
  for (const { 0: part, index } of name.matchAll(/[A-Za-z0-9_ .:;,!?=@#$%*(){}|~-]+/g)) {
    if (part.length > longest[0].length) longest = [part, index];
  }
  return longest;
}
