import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Selection, select } from '../../../exporter/identity/selection.ts';
import { never } from '../../../exporter/testkit.ts';
import type { DataverseOptions, Person } from '../../dataverse/dataverse.ts';
import {
  asked,
  type Environment,
  environmentFor,
  idOf,
  memberships,
  open,
  profiles,
  read,
} from './insightskit.ts';

const person = (name: string, segments: string[], change: Partial<Person> = {}): Person => ({
  id: idOf(name),
  columns: { msdynci_email: `${name}@example.com`, msdynci_donotemail: false },
  segments,
  ...change,
});

/** Pages of a few rows: a handful of people is as many pages as a million. */
const smallPages = { maxPageSize: 4, defaultPageSize: 4 };

const names = Array.from({ length: 40 }, (_, index) => `p${index}`);
const inGold = names.filter((_, index) => index % 2 === 0);
const inTin = names.filter((_, index) => index % 3 === 0);
const crowd = names.map((name, index) =>
  person(name, [...(index % 2 === 0 ? ['Gold'] : []), ...(index % 3 === 0 ? ['Tin_2026'] : []), 'All']),
);
const addresses = (list: readonly string[]): string[] => list.map((name) => `${name}@example.com`).sort();

function clean({ violations }: Environment): void {
  expect(violations()).toEqual([]);
}

describe('members of segments, with their addresses', () => {
  test.each([1, 4, 16])('exactly those, by %i scans', async (parallelScans) => {
    const environment = await environmentFor(smallPages);
    environment.putPeople(crowd);
    const { rows, found, faults } = await read(environment, {
      segments: ['Gold', 'Tin_2026'],
      source: { parallelScans },
    });
    expect(rows).toEqual([addresses(inGold), addresses(inTin)]);
    expect(found).toEqual([0, 1]);
    expect(faults).toEqual({});
    clean(environment);
  });

  test('the first address that is not empty, as text', async () => {
    const environment = await environmentFor();
    environment.putPeople([
      person('a', ['Gold']),
      person('b', ['Gold'], { columns: { msdynci_email: null, msdynci_emailaddress2: 'b2@example.com' } }),
      person('c', ['Gold'], { columns: { msdynci_email: '', msdynci_emailaddress2: null } }),
    ]);
    const { rows } = await read(environment, { fields: ['msdynci_email', 'msdynci_emailaddress2'] });
    expect(rows).toEqual([['', 'a@example.com', 'b2@example.com']]);
    clean(environment);
  });

  test('consent is a boolean, a choice by its number, a number or a text; what is missing is none', async () => {
    const environment = await environmentFor({
      profileColumns: [
        { name: 'msdynci_email', type: 'String' },
        { name: 'msdynci_allows', type: 'Boolean' },
        { name: 'msdynci_choice', type: 'Picklist' },
        { name: 'msdynci_word', type: 'String' },
      ],
    });
    const columns = [
      { msdynci_allows: true, msdynci_choice: 534120001, msdynci_word: ' Yes ' },
      { msdynci_allows: false, msdynci_choice: 534120002, msdynci_word: 'no' },
      { msdynci_allows: null, msdynci_choice: null, msdynci_word: '' },
    ];
    environment.putPeople(
      columns.map((cells, index) =>
        person(`${index}`, ['Gold'], { columns: { msdynci_email: `${index}@example.com`, ...cells } }),
      ),
    );
    const only = [['0@example.com', '1@example.com without consent', '2@example.com without consent']];
    const by = async (consent: object) =>
      (await read(environment, { consent: consent as { field: string } })).rows;
    expect(await by({ field: 'msdynci_allows', isTrue: true })).toEqual(only);
    expect(await by({ field: 'msdynci_choice', equals: '534120001' })).toEqual(only);
    expect(await by({ field: 'msdynci_word', notEquals: 'no' })).toEqual(only);
    clean(environment);
  });

  test('a lookup is asked for by the name that it has in a query', async () => {
    const environment = await environmentFor({
      profileColumns: [
        { name: 'msdynci_email', type: 'String' },
        { name: 'msdynci_owner', type: 'Lookup' },
      ],
    });
    environment.putPeople([
      { id: idOf('a'), columns: { msdynci_email: 'a@example.com' }, segments: ['Gold'] },
    ]);
    const { rows } = await read(environment, { consent: { field: 'msdynci_owner', notEquals: 'x' } });
    expect(rows).toEqual([['a@example.com without consent']]);
    clean(environment);
  });

  test('a member without a profile is a row without an address', async () => {
    const environment = await environmentFor();
    environment.putPeople([person('a', ['Gold']), person('b', ['Gold', 'Tin'], { profile: false })]);
    const warnings: object[] = [];
    const log = {
      info: () => undefined,
      warn: (_: string, fields = {}) => warnings.push(fields),
      error: () => undefined,
    };
    const { rows } = await read(environment, { segments: ['Gold', 'Tin'], surroundings: { log } });
    expect(rows).toEqual([['', 'a@example.com'], ['']]);
    expect(warnings).toEqual([{ members: 1 }]);
    clean(environment);
  });

  test('another type of membership counts where it is asked for, and only there', async () => {
    const environment = await environmentFor();
    environment.putPeople([
      person('a', [], { memberships: [{ type: 'Customer', segments: ['Gold'] }] }),
      person('b', [], { memberships: [{ type: 'Contact', segments: ['Gold', 'Tin'] }] }),
    ]);
    const asCustomers = await read(environment, { segments: ['Gold', 'Tin'] });
    expect(asCustomers.rows).toEqual([['a@example.com']]);
    expect(asCustomers.faults).toEqual({ 1: 'SegmentNotFound membership-type' });
    const asContacts = await read(environment, { source: { membershipType: 'contact' } });
    expect(asContacts.rows).toEqual([['b@example.com']]);
    clean(environment);
  });

  test('ids of any form: GUIDs, numbers, texts, in any case and with any prefix', async () => {
    const ids = [
      'ce759201f786d590bf2134bff576c369',
      'CE759201F786D590BF2134BFF576C36A',
      'ce759201-f786-d590-bf21-34bff576c36b',
      ...[
        '1',
        '00000000000000000000000000000001',
        'CNTID_1002',
        "o'neil",
        'zz%_[x]',
        'Ärmel',
        '-',
        '~',
        'ü',
        'G',
        'ffg',
      ],
    ];
    const environment = await environmentFor({ maxPageSize: 2, defaultPageSize: 2 });
    environment.putPeople(
      ids.map((id, index) => ({
        id,
        columns: { msdynci_email: `${index}@example.com` },
        segments: ['Gold'],
      })),
    );
    for (const parallelScans of [1, 3, 16]) {
      const { rows } = await read(environment, { source: { parallelScans } });
      expect(rows[0]).toEqual(ids.map((_, index) => `${index}@example.com`).sort());
    }
    clean(environment);
  });

  test('several providers, and rows that come twice, are one member', async () => {
    const environment = await environmentFor({ ...smallPages, providers: ['CustomerInsights', 'Journeys'] });
    environment.putPeople(crowd);
    environment.addFault({ kind: 'duplicateRows', path: memberships, times: 'always' });
    const { rows } = await read(environment);
    expect(rows).toEqual([addresses(inGold)]);
    clean(environment);
  });

  test('a membership that cannot be read is counted, once a customer', async () => {
    const environment = await environmentFor();
    environment.putPeople([
      person('a', ['Gold']),
      person('b', [], {
        memberships: [{ text: '{"Segments":["Gold"' }, { text: '{"Others":"Gold \\"Gold\\""}' }],
      }),
      person('c', [], { memberships: [{ text: '{"Segments":[1,"Gold"]}' }] }),
      person('d', [], { memberships: [{ type: 'Contact', text: '"Gold"' }] }),
    ]);
    const { rows, malformed } = await read(environment);
    expect(rows).toEqual([['a@example.com']]);
    expect(malformed).toBe(2);
    clean(environment);
  });

  test('a hundred thousand people, to the last address', async () => {
    const environment = await environmentFor();
    const columns = { msdynci_email: 'm{n}@example.com' };
    environment.makeUp({ count: 60_000, segments: ['Gold', 'Other'], columns });
    environment.makeUp({ count: 40_000, segments: ['Gold', 'Tin'], columns });
    environment.makeUp({ count: 20_000, segments: ['Golden'], columns });
    const segments = ['Gold', 'Tin'];
    const selections = segments.map(() => new Selection(200_000));
    const options = { maxProfiles: 200_000, signal: never, onRows: () => undefined };
    await select(await open(environment, { segments }), selections, options);
    for (const [index, segment] of segments.entries()) {
      const expected = new Selection(200_000);
      const there = [...environment.members(segment)].map((member) => ({
        segment: 0,
        candidates: [String(member.column('msdynci_email'))],
        hasConsent: true,
      }));
      await select(listed(there), [expected], options);
      expect(selections[index]?.counts).toEqual(expected.counts);
      expect(selections[index]?.drain()).toEqual(expected.drain());
    }
    // Pages are full ones, and only the first of a scan is read twice.
    expect(environment.requests().length).toBeLessThan(75);
    clean(environment);
  });
});

function listed(rows: { segment: number; candidates: string[]; hasConsent: boolean }[]) {
  return {
    read: async function* () {
      yield { kind: 'rows', rows } as const;
    },
  };
}

describe('whatever the environment turns out to be', () => {
  const either: [string, DataverseOptions][] = [
    ['quotes are plain', { segmentQuotes: 'plain' }],
    ['quotes are escaped', { segmentQuotes: 'escaped' }],
    ['quotes are either', { segmentQuotes: 'either' }],
    ['plain quotes are refused', { segmentQuotes: 'escaped', otherQuotes: 'badRequest' }],
    ['escaped quotes are refused', { segmentQuotes: 'plain', otherQuotes: 'badRequest' }],
    ['segments are a bare array', { segmentsFormat: 'array' }],
    ['tables are virtual', { tableType: 'Virtual' }],
    ['tables are standard', { tableType: 'Standard' }],
    ['changes are not tracked', { changeTrackingEnabled: false }],
    [
      'tables have other entity sets',
      { entitySetNames: { msdynci_customerprofile: 'people', msdynci_segmentmembership: 'their_segments' } },
    ],
    ['there are no wildcards', { wildcards: false }],
    ['filters tell letters apart', { caseSensitive: true }],
    ['contains is not supported', { unsupportedFunctions: ['contains'] }],
    ['no function is supported', { unsupportedFunctions: ['contains', 'endswith', 'startswith', 'In'] }],
    ['In is not supported', { unsupportedFunctions: ['In'] }],
    ['pages are of one row', { maxPageSize: 1, defaultPageSize: 1 }],
    ['pages are full ones', { maxPageSize: 5000, defaultPageSize: 5000 }],
    ['the list of segments is closed', { missingRights: ['mscipriv_segmentmetadata'] }],
    ['there is no list of segments', { absentTables: ['mscipriv_segmentmetadata'] }],
    ['URLs are 32 KB long at most', { maxUrlLength: 32_768 }],
  ];
  test.each(either)('%s', async (_, options) => {
    const environment = await environmentFor({ ...smallPages, ...options });
    environment.putPeople(crowd);
    const { rows, malformed } = await read(environment, { segments: ['Gold', 'Tin_2026', 'All'] });
    expect(rows).toEqual([addresses(inGold), addresses(inTin), addresses(names)]);
    expect(malformed).toBe(0);
    clean(environment);
  });

  test('which form of a search works is found out once', async () => {
    const environment = await environmentFor({ segmentQuotes: 'escaped' });
    environment.putPeople(crowd);
    await read(environment, { segments: ['Gold', 'Tin_2026', 'All'] });
    expect(asked(environment, memberships)).toHaveLength(4);
  });

  describe('a virtual table whose queries end at 1,000 rows', () => {
    const limited = { tableType: 'Virtual', rowLimit: 1000 } as const;
    const cut = { reason: 'SourceUnreadable', details: { code: 'row-limit', count: 1000 } };

    test('is refused where people would be missing', async () => {
      const environment = await environmentFor(limited);
      environment.makeUp({ count: 1001, segments: ['Gold'], columns: { msdynci_email: 'm{n}@example.com' } });
      await expect(read(environment)).rejects.toMatchObject(cut);
      clean(environment);
    });

    test('is refused where its parts end at 1,000 too', async () => {
      const environment = await environmentFor({ ...limited, maxPageSize: 500, defaultPageSize: 500 });
      environment.makeUp({ count: 8000, segments: ['Gold'], columns: { msdynci_email: 'm{n}@example.com' } });
      await expect(read(environment, { source: { parallelScans: 4 } })).rejects.toMatchObject(cut);
      clean(environment);
    });

    test('is refused where nothing can be counted in parts', async () => {
      const environment = await environmentFor(limited);
      const id = (index: number) => `~${index}`;
      environment.putPeople(
        Array.from({ length: 1001 }, (_, index) => person(`${index}`, ['Gold'], { id: id(index) })),
      );
      await expect(read(environment)).rejects.toMatchObject(cut);
      clean(environment);
    });

    test('is refused where profiles would be missing', async () => {
      const environment = await environmentFor({ ...limited, unsupportedFunctions: ['In'] });
      environment.makeUp({ count: 10, segments: ['Gold'], columns: { msdynci_email: 'm{n}@example.com' } });
      environment.makeUp({ count: 2000, columns: { msdynci_email: 'o{n}@example.com' } });
      await expect(read(environment, { source: { parallelScans: 1 } })).rejects.toMatchObject(cut);
      clean(environment);
    });

    test('is read where nobody is missing', async () => {
      const environment = await environmentFor(limited);
      environment.makeUp({ count: 1000, segments: ['Gold'], columns: { msdynci_email: 'm{n}@example.com' } });
      environment.makeUp({ count: 3000, segments: ['Tin'], columns: { msdynci_email: 'o{n}@example.com' } });
      const { rows } = await read(environment);
      expect(rows[0]).toHaveLength(1000);
      clean(environment);
    });
  });

  test('few members are asked for by their ids, many are picked from all profiles', async () => {
    const environment = await environmentFor();
    const columns = { msdynci_email: 'm{n}@example.com' };
    environment.makeUp({ count: 20_000, segments: ['Few', 'Many'], columns });
    environment.makeUp({ count: 1, segments: ['Many'], columns });
    expect((await read(environment, { segments: ['Few'] })).rows[0]).toHaveLength(20_000);
    const few = asked(environment, profiles);
    expect(few.filter((filter) => filter.startsWith('In(msdynci_customerid,')).length).toBeGreaterThan(20);
    environment.clearRequests();
    expect((await read(environment, { segments: ['Many'] })).rows[0]).toHaveLength(20_001);
    expect(asked(environment, profiles).some((filter) => filter.startsWith('In('))).toBe(false);
    clean(environment);
  });
});

describe('names of segments', () => {
  const tricky = [
    'Male_under_40',
    'MaleXunder_40',
    'Male_under_401',
    'Male',
    '50% off',
    '[A] b',
    'a[0-9]c',
    'a5c',
    'back\\slash',
    'quo"ted',
    "it's",
    'Über',
    'ber',
    'Клиенты',
    'a/b',
    '<b>&',
    'x',
  ];

  test.each<[string, DataverseOptions]>([
    ['plain', {}],
    ['escaped', { segmentQuotes: 'escaped' }],
    ['without wildcards', { wildcards: false, segmentQuotes: 'either' }],
  ])('are told apart, whatever characters they have: %s', async (_, options) => {
    const environment = await environmentFor(options);
    environment.putPeople(tricky.map((name, index) => person(`${index}`, [name])));
    const { rows, faults } = await read(environment, { segments: tricky });
    expect(faults).toEqual({});
    expect(rows).toEqual(tricky.map((_, index) => [`${index}@example.com`]));
    clean(environment);
  });

  test('are found in JSON that is written in another way', async () => {
    const environment = await environmentFor();
    environment.putPeople([
      person('a', [], { memberships: [{ text: '{ "Segments" : [ "\\u00dcber", "a\\/b" ] }' }] }),
      person('b', [], { memberships: [{ text: '["\\u003cb\\u003e\\u0026"]' }] }),
    ]);
    const { rows } = await read(environment, { segments: ['Über', 'a/b', '<b>&'] });
    expect(rows).toEqual([['a@example.com'], ['a@example.com'], ['b@example.com']]);
    clean(environment);
  });

  test('one that is not there, one that is empty, one that was deleted, one in other letters', async () => {
    const environment = await environmentFor();
    environment.putPeople([person('a', ['Gold'])]);
    environment.putSegment({ name: 'Empty' });
    environment.putSegment({ name: 'Deleted', isDeleted: true });
    environment.putSegment({ name: 'Past', isHistoryEntry: true });
    const segments = ['Nowhere', 'Empty', 'Deleted', 'Past', 'gold', 'Gold'];
    const { rows, found, faults } = await read(environment, { segments });
    expect(found).toEqual([1, 5]);
    expect(rows[5]).toEqual(['a@example.com']);
    expect(faults).toEqual({
      0: 'SegmentNotFound',
      2: 'SegmentNotFound',
      3: 'SegmentNotFound',
      4: 'SegmentNotFound letter-case',
    });
    clean(environment);
  });

  test.each<[string, DataverseOptions]>([
    ['closed', { missingRights: ['mscipriv_segmentmetadata'] }],
    ['not there', { absentTables: ['mscipriv_segmentmetadata'] }],
  ])('one without members counts as missing where the list of segments is %s', async (_, options) => {
    const environment = await environmentFor(options);
    environment.putPeople([person('a', ['Gold'])]);
    environment.putSegment({ name: 'Empty' });
    const { faults } = await read(environment, { segments: ['Gold', 'Empty'] });
    expect(faults).toEqual({ 1: 'SegmentNotFound' });
    clean(environment);
  });
});

describe('when segments were written', () => {
  const at = (day: number): string => `2026-11-0${day}T00:00:00Z`;

  test('the latest of its memberships tells', async () => {
    const environment = await environmentFor(smallPages);
    environment.putPeople([
      ...[3, 5, 4].map((day) => person(`${day}`, ['Gold'], { modifiedOn: at(day) })),
      person('9', ['Tin'], { modifiedOn: at(9) }),
    ]);
    environment.putSegment({ name: 'Gold', modifiedOn: at(8) });
    environment.putSegment({ name: 'Empty', modifiedOn: at(8) });
    const { written } = await read(environment, { segments: ['Gold', 'Tin', 'Empty'] });
    expect(written).toEqual({ 0: Date.parse(at(5)), 1: Date.parse(at(9)) });
  });

  test('or the list of segments', async () => {
    const environment = await environmentFor();
    environment.putPeople([person('3', ['Gold', 'Tin'], { modifiedOn: at(3) })]);
    environment.putSegment({ name: 'Gold', modifiedOn: at(8) });
    environment.putSegment({ name: 'Tin', modifiedOn: at(2) });
    environment.putSegment({ name: 'Empty', modifiedOn: at(7) });
    const source = { modifiedFrom: 'SegmentMetadata' } as const;
    const { written } = await read(environment, { segments: ['Gold', 'Tin', 'Empty'], source });
    expect(written).toEqual({ 0: Date.parse(at(8)), 1: Date.parse(at(2)), 2: Date.parse(at(7)) });
    environment.setBehaviour({ missingRights: ['mscipriv_segmentmetadata'] });
    await expect(read(environment, { source })).rejects.toMatchObject({
      reason: 'SourceForbidden',
      details: { code: 'segment-metadata' },
    });
    clean(environment);
  });
});

test('members and profiles are joined, in whatever order and pages they come', async () => {
  const environment = await environmentFor();
  const segments = ['A', 'B', 'A_B'];
  const someone = fc.record({
    id: fc.oneof(
      fc.integer({ min: 0, max: 20 }).map((n) => idOf(`${n}`)),
      fc.stringMatching(/^[\w-]{1,4}$/),
    ),
    segments: fc.subarray([...segments, 'C']),
    profile: fc.boolean(),
    consents: fc.constantFrom(true, false, null),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(someone, { selector: ({ id }) => id.toLowerCase(), maxLength: 30 }),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(1, 2, 5, 16),
      fc.constantFrom<DataverseOptions>({}, { unsupportedFunctions: ['In'] }, { segmentQuotes: 'escaped' }),
      async (people, size, parallelScans, behaviour) => {
        environment.reset();
        const { now: _, ...change } = { maxPageSize: size, defaultPageSize: size, ...behaviour };
        environment.setBehaviour(change);
        environment.putPeople(
          people.map(({ id, consents, ...each }, index) => ({
            ...each,
            id,
            columns: { msdynci_email: `${index}@example.com`, msdynci_donotemail: consents },
          })),
        );
        const consent = { field: 'msdynci_donotemail', isTrue: true } as const;
        const { rows } = await read(environment, { segments, source: { parallelScans }, consent });
        const expected = segments.map((segment) =>
          people
            .flatMap((each, index) => {
              if (!each.segments.includes(segment)) return [];
              if (!each.profile) return [''];
              return [`${index}@example.com${each.consents === true ? '' : ' without consent'}`];
            })
            .sort(),
        );
        expect(segments.map((_, index) => rows[index] ?? [])).toEqual(expected);
        clean(environment);
      },
    ),
    { numRuns: 60 },
  );
});
