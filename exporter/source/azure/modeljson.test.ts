import { expect, test } from 'vitest';
import { filesIn, formOf, named, parseModel } from './modeljson.ts';

const at = (location: string, format?: object) => ({
  location,
  ...(format ? { fileFormatSettings: format } : {}),
});

function entityWith(partitions: unknown[], more: object = {}) {
  const entity = { name: 'Gold', attributes: [{ name: 'a' }], partitions, ...more };
  const [read] = parseModel(JSON.stringify({ entities: [entity] })).entities;
  if (read === undefined) throw new Error('no entity');
  return read;
}

test('files are known by the end of their location, whatever endpoint and encoding it has', () => {
  const entity = entityWith([
    at('https://a.dfs.core.windows.net:443/c/Our%20Export/Gold/2026/11/22/0312/Gold_1.csv'),
    at('https://a.blob.core.windows.net/c/Our Export/Gold/2026/11/22/0312/Gold_2.csv?snapshot=1'),
    at('Gold/2026/11/22/0312/Gold_3.csv'),
    at('https://a/c/NotGold/2026/11/22/0312/Gold_4.csv'),
    at('https://a/c/Gold/2026/11/21/0312/Gold_5.csv'),
    at('https://a/c/%'),
    { location: 7 },
    'none',
  ]);
  expect(filesIn(entity, 'Gold/2026/11/22/0312')).toEqual(['Gold_1.csv', 'Gold_2.csv', 'Gold_3.csv']);
});

test("a file's own form goes before its table's, and that before the documented one", () => {
  const folder = 'Gold/2026/11/22/0312';
  const own = at(`https://a/c/${folder}/Gold_1.csv`, { delimiter: ';', columnHeaders: true });
  const plain = at(`https://a/c/${folder}/Gold_2.csv`);
  const ofTable = { fileFormatSettings: { delimiter: '\t' } };
  const documented = { delimiter: 'Comma', encoding: 'UTF8', hasHeader: false };
  expect(formOf(entityWith([own, plain]), folder, 'Gold_1.csv')).toEqual({
    ...documented,
    delimiter: 'Semicolon',
    hasHeader: true,
  });
  expect(formOf(entityWith([own, plain]), folder, 'Gold_2.csv')).toEqual(documented);
  expect(formOf(entityWith([own, plain], ofTable), folder, 'Gold_2.csv').delimiter).toBe('Tab');
  expect(formOf(entityWith([]), folder, 'Gold_1.csv')).toEqual(documented);
});

test('a name is taken in another case only where there is no doubt', () => {
  const find = (name: string, ...all: string[]) => named(name, all, (each) => each);
  expect(find('Gold', 'gold', 'Gold')).toBe('Gold');
  expect(find('Gold', 'gold', 'silver')).toBe('gold');
  expect(find('Gold', 'gold', 'GOLD')).toBeUndefined();
});
