import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { TableFiles } from '../../../api/rundocument.ts';
import { Fault } from '../../fault.ts';
import { fakeClock, never } from '../../testkit.ts';
import { parquetOf } from '../formats/parquet/testkit.ts';
import { type FilesSourceOptions, filesSource } from './files.ts';
import { type MemoryFiles, memoryStore } from './memorystore.ts';

interface Read {
  /** The first address of each row, by segment. */
  addresses: string[][];
  faults: (string | undefined)[];
  found: boolean[];
  written: (number | undefined)[];
  malformed: number;
}

interface Asked extends Partial<TableFiles> {
  segments?: string[];
  consent?: FilesSourceOptions['consent'];
}

async function read(files: MemoryFiles, asked: Asked = {}): Promise<Read> {
  const { segments = ['gold', 'silver'], consent, ...change } = asked;
  const source = filesSource({
    store: memoryStore(files),
    files: { path: 'in', format: 'CSV', csv: { delimiter: 'Comma' }, ...change },
    fields: ['email'],
    consent,
    segments,
    clock: fakeClock(),
  });
  const given: Read = {
    addresses: segments.map(() => []),
    faults: segments.map(() => undefined),
    found: segments.map(() => false),
    written: segments.map(() => undefined),
    malformed: 0,
  };
  for await (const event of source.read(never)) {
    if (event.kind === 'malformed') given.malformed += event.count;
    else if (event.kind === 'rows') {
      for (const row of event.rows) given.addresses[row.segment]?.push(row.candidates[0] ?? '');
    } else if (event.kind === 'written') {
      const told = event.segment === undefined ? segments.keys() : [event.segment];
      // It is told before the rows.
      for (const segment of told)
        if (given.addresses[segment]?.length === 0) given.written[segment] = event.at;
    } else {
      given.found[event.segment] = true;
      if (event.kind === 'fault') given.faults[event.segment] = event.fault.reason;
    }
  }
  return given;
}

const csv = (...addresses: string[]): string => `email\n${addresses.join('\n')}\n`;

describe('one file', () => {
  test('is the only segment', async () => {
    const files = { 'in.csv': { bytes: csv('a'), modifiedAt: 7 } };
    expect(await read(files, { path: 'in.csv', segments: ['gold'] })).toMatchObject({
      addresses: [['a']],
      found: [true],
      written: [7],
    });
  });

  test('holds the segments that its column names', async () => {
    const files = { 'in.csv': { bytes: 'email,tier\na,gold\nb, silver \nc,bronze\n', modifiedAt: 7 } };
    expect(await read(files, { path: 'in.csv', segmentField: 'tier' })).toMatchObject({
      addresses: [['a'], ['b']],
      written: [7, 7],
    });
  });

  test('cannot be several segments without one', async () => {
    const files = { 'in.csv': { bytes: csv('a') } };
    await expect(read(files, { path: 'in.csv' })).rejects.toMatchObject({ reason: 'SegmentFieldMissing' });
  });

  test('that is not there is not found', async () => {
    await expect(read({})).rejects.toMatchObject({ reason: 'SourceNotFound' });
  });
});

describe('a directory', () => {
  test('has a file a segment, each with its own time', async () => {
    const files = {
      'in/gold.csv': { bytes: csv('a'), modifiedAt: 7 },
      'in/silver.TXT.gz': { bytes: gzipSync(csv('b')), modifiedAt: 9 },
      'in/bronze.csv': { bytes: 'no\n' },
    };
    expect(await read(files)).toMatchObject({
      addresses: [['a'], ['b']],
      found: [true, true],
      written: [7, 9],
    });
  });

  test('may have a directory a segment, whose files are its parts in order of their names', async () => {
    const files = {
      'in/gold/part-2.csv': { bytes: csv('b'), modifiedAt: 9 },
      'in/gold/part-1.csv': { bytes: csv('a'), modifiedAt: 7 },
      'in/gold/part-1.csv.gz': { bytes: gzipSync(csv('a')) },
      'in/gold/part-3.csv.gz': { bytes: gzipSync(csv('c')) },
      'in/gold/part-4.csv': {},
      'in/gold/_SUCCESS': {},
      'in/gold/.part-1.csv.crc': {},
      'in/gold/part-5.csv.tmp': { bytes: csv('x') },
      'in/gold/year=2026/part-1.csv': { bytes: csv('x') },
      'in/gold/readme.md': {},
    };
    expect(await read(files)).toMatchObject({ addresses: [['a', 'b', 'c'], []], written: [9, undefined] });
  });

  test('with a segment field is one table', async () => {
    const files = {
      'in/2.csv': { bytes: 'tier,email\nsilver,b\n', modifiedAt: 9 },
      'in/1.csv': { bytes: 'email,tier\na,gold\n', modifiedAt: 7 },
    };
    expect(await read(files, { segmentField: 'tier' })).toMatchObject({
      addresses: [['a'], ['b']],
      written: [9, 9],
    });
  });

  test('a plain file comes before a compressed one, and both before a directory', async () => {
    const files = {
      'in/gold/1.csv': { bytes: csv('directory') },
      'in/gold.csv.gz': { bytes: gzipSync(csv('gzip')) },
      'in/gold.txt': { bytes: csv('plain') },
      'in/silver/1.csv': { bytes: csv('directory') },
      'in/silver.csv.gz': { bytes: gzipSync(csv('gzip')) },
    };
    expect(await read(files)).toMatchObject({ addresses: [['plain'], ['gzip']] });
  });

  test('what is wrong with one segment is no other one’s fault', async () => {
    const files = {
      'in/a.csv': { bytes: csv('a').repeat(1000), fails: new Fault('SourceChanged') },
      'in/b.csv': { bytes: 'mail\n' },
      'in/c.csv': {},
      'in/d/readme.md': {},
      'in/f.csv': { bytes: csv('f') },
    };
    const given = await read(files, { segments: ['a', 'b', 'c', 'd', 'e', 'f'] });
    expect(given.faults).toEqual([
      'SourceChanged',
      'FieldNotFound',
      'SourceEmpty',
      'SourceEmpty',
      undefined,
      undefined,
    ]);
    expect(given.found).toEqual([true, true, true, true, false, true]);
    expect(given.addresses[5]).toEqual(['f']);
  });

  test('without the consent field in one file the run stops', async () => {
    const files = { 'in/gold.csv': { bytes: 'email,ok\na,yes\n' }, 'in/silver.csv': { bytes: csv('b') } };
    const consent = { field: 'ok', isTrue: true } as const;
    await expect(read(files, { consent })).rejects.toMatchObject({ reason: 'ConsentFieldNotFound' });
  });

  test.each(['../gold', '.gold', 'x/gold', '..'])('a segment named %s is in none', async (name) => {
    const files = {
      'gold.csv': { bytes: csv('a') },
      'in/x/gold.csv': {},
      'in/.gold.csv': { bytes: csv('a') },
    };
    expect((await read(files, { segments: [name] })).found).toEqual([false]);
  });

  test.each([
    ['no parts', { 'in/readme.md': {} }],
    ['empty parts alone', { 'in/1.csv': {}, 'in/2.csv': {} }],
  ])('with a segment field and %s is empty', async (_, files) => {
    await expect(read(files, { segmentField: 'tier' })).rejects.toMatchObject({ reason: 'SourceEmpty' });
  });
});

test('the newest complete directory is read as if it were named', async () => {
  const now = fakeClock().now();
  const files = {
    'in/1/gold.csv': { bytes: csv('old'), modifiedAt: now - 9_000_000 },
    'in/2/gold.csv': { bytes: csv('new'), modifiedAt: now - 1_000_000 },
    'in/3/gold.csv': { bytes: csv('unfinished'), modifiedAt: now - 1000 },
  };
  expect(await read(files, { newest: { settleSeconds: 300 } })).toMatchObject({
    addresses: [['new'], []],
    written: [now - 1_000_000, undefined],
  });
});

test('the newest complete file is read as if it were named', async () => {
  const files = { 'in/1.csv': { bytes: csv('old') }, 'in/2.csv': { bytes: csv('new'), modifiedAt: 7 } };
  const asked: Asked = { newest: { settleSeconds: 300 }, segments: ['any'] };
  expect(await read(files, asked)).toMatchObject({ addresses: [['new']], written: [7] });
});

describe('other formats', () => {
  test('NDJSON, of which one part alone has a name', async () => {
    const files = {
      'in/gold/1.ndjson': { bytes: '{"email":"a"}\nno object\n' },
      'in/gold/2.jsonl': { bytes: '{"id":1}\n' },
      'in/silver.json': { bytes: '{"id":1}\n' },
    };
    expect(await read(files, { format: 'NDJSON' })).toMatchObject({
      addresses: [['a', 'm', ''], ['']],
      faults: [undefined, 'FieldNotFound'],
    });
  });

  test('Parquet', async () => {
    const parquet = (...data: string[]): Buffer => parquetOf({ columnData: [{ name: 'email', data }] });
    const files = {
      'in/gold/1.parquet': { bytes: parquet('a') },
      'in/gold/2.parquet': { bytes: parquet('b') },
      'in/silver.parquet': { bytes: csv('c') },
    };
    expect(await read(files, { format: 'Parquet' })).toMatchObject({
      addresses: [['a', 'b'], []],
      faults: [undefined, 'SourceNotParquet'],
    });
  });

  test('a table of lines whose segment nobody can tell counts them', async () => {
    const files = { 'in.json': { bytes: '{"email":"a","tier":"gold"}\n[]\n' } };
    const asked = { path: 'in.json', format: 'NDJSON', segmentField: 'tier' } as const;
    expect(await read(files, asked)).toMatchObject({ addresses: [['a'], []], malformed: 1 });
  });
});
