import fc from 'fast-check';
import type { Schema } from '../../../../scripts/generate/crd.ts';
import { breakBetween } from './between.ts';
import { breakOutside } from './outside.ts';
import { isObject, type Site, setAt, sitesOf, valueAt } from './sites.ts';
import { hostileTexts } from './texts.ts';
import { exactlyOne, type Json } from './valid.ts';

/** A manifest, and how it was broken. */
export interface Generated {
  object: Json;
  /** What was done, in the order in which it was done; empty for a valid one. */
  breaks: string[];
}

/** One of several, by the numbers that fast-check gives. */
export type Pick = <T>(...choices: T[]) => T;

interface Break {
  fits(site: Site): boolean;
  /** Returns what was put there, or removed, for the failure's message. */
  apply(site: Site, pick: Pick): string;
}

const otherTypes: unknown[] = [null, true, 0, -1.5, 12_345, '', 'text', 'true', [], ['x'], {}, { x: 1 }];
const unknownNames = [
  ...['extra', 'Spec', 'nmae', '__proto__', 'constructor', 'toString'],
  ...['x y', '\u202ename', 'a.b', 'a/b~1', ''],
];
const isText = ({ schema }: Site): boolean => schema.type === 'string';
const isMap = (site: Site): boolean =>
  site.schema.additionalProperties !== undefined && isObject(valueAt(site));
const isFilledList = (site: Site): boolean =>
  [valueAt(site)].flat().length > 0 && Array.isArray(valueAt(site));

const breaks: Record<string, Break> = {
  'another type': { fits: () => true, apply: (site, pick) => setAt(site, pick(...otherTypes)) },
  gone: {
    fits: () => true,
    apply: ({ holder, key }) => {
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      return '';
    },
  },
  'a length out of bounds': {
    fits: isText,
    apply: (site, pick) => {
      const { minLength = 0, maxLength = 100 } = site.schema;
      const length = pick(Math.max(minLength - 1, 0), maxLength + 1, maxLength * 2 + 2);
      return setAt(site, pick('a', '7', 'å', '𐐷').repeat(length));
    },
  },
  'a number out of bounds': {
    fits: ({ schema }) => schema.type === 'integer',
    apply: (site, pick) => {
      const { minimum = 0, maximum = 0 } = site.schema;
      return setAt(site, pick(minimum - 1, maximum + 1, 1.5, -0.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 1e300));
    },
  },
  'too many or too few in a list': {
    fits: isFilledList,
    apply: (site, pick) => {
      const { minItems = 0, maxItems = 100 } = site.schema;
      const [item] = valueAt(site) as unknown[];
      const length = pick(Math.max(minItems - 1, 0), maxItems + 1);
      return setAt(
        site,
        Array.from({ length }, () => item),
      );
    },
  },
  'too many or too few in a map': {
    fits: isMap,
    apply: (site, pick) => {
      const length = pick(0, (site.schema.maxProperties ?? 100) + 1);
      return setAt(site, Object.fromEntries(Array.from({ length }, (_, index) => [`k${index}`, 'v'])));
    },
  },
  'twice in a list': {
    fits: isFilledList,
    apply: (site) => {
      const list = valueAt(site) as unknown[];
      list.push(structuredClone(list[0]));
      return '';
    },
  },
  'an unknown field': {
    fits: (site) => site.schema.properties !== undefined && isObject(valueAt(site)),
    apply: (site, pick) => addField(site, pick(...unknownNames), pick<unknown>(1, 'x', {}, null)),
  },
  'a hostile key': {
    fits: isMap,
    apply: (site, pick) =>
      addField(site, pick(...hostileTexts, '', 'a/b/c', 'UPPER.example/x', 'x'.repeat(64)), 'x'),
  },
  'a hostile text': { fits: isText, apply: (site, pick) => setAt(site, pick(...hostileTexts)) },
  'another word': {
    fits: (site) => typeof valueAt(site) === 'string',
    apply: (site, pick) => {
      const word = String(valueAt(site));
      const words = [word.toUpperCase(), ` ${word}`, `${word} `, `${word}\n`, word.repeat(2), word.slice(1)];
      return setAt(site, pick(...words));
    },
  },
  'the opposite': {
    fits: (site) => typeof valueAt(site) === 'boolean',
    apply: (site) => setAt(site, !valueAt(site)),
  },
  'one more of those of which one may be there': {
    fits: (site) => isObject(valueAt(site)) && exactlyOne(site.schema).length > 0,
    apply: (site) => {
      const value = valueAt(site) as Json;
      const [group = []] = exactlyOne(site.schema);
      const name = group.find((candidate) => value[candidate] === undefined) ?? '';
      value[name] = simplest(site.schema.properties?.[name] ?? {});
      return name;
    },
  },
  'a schedule that is none': {
    fits: ({ path }) => path.endsWith('.cron'),
    apply: (site, pick) => setAt(site, pick(...schedules)),
  },
  'a time zone that is none': {
    fits: ({ path }) => path.endsWith('.timeZone'),
    apply: (site, pick) => setAt(site, pick('Local', '+02:00', 'europe/oslo', 'Europe/Olso', '../UTC')),
  },
  'a quantity that is none': {
    fits: ({ schema }) => schema['x-kubernetes-int-or-string'] === true,
    apply: (site, pick) =>
      setAt(site, pick<unknown>('-1', -1, '1 Gi', '1gi', 'much', '1e', '', '12345678901234567890123')),
  },
};

const schedules = [
  ...['0 4 * *', '60 4 * * *', '0 24 * * *', '0 4 32 * *', '0 4 * 13 *', '0 4 * * 7'],
  ...['5-1 4 * * *', '0 4 * dec-jan *', '@every 1d', '@reboot', 'TZ=UTC 0 4 * * *', '0 4 * * * TZ'],
];

/** A valid manifest, or one that was broken in one or two places. */
export function generated(valid: fc.Arbitrary<Json>, schema: Schema): fc.Arbitrary<Generated> {
  const times = fc.constantFrom(0, 1, 1, 1, 2);
  return fc
    .tuple(valid, times, fc.infiniteStream(fc.nat({ max: 2 ** 30 })))
    .map(([original, count, numbers]) => {
      const object = structuredClone(original);
      const pick: Pick = (...choices) => choices[(numbers.next().value ?? 0) % choices.length] as never;
      const done: string[] = [];
      while (done.length < count) {
        const way = pick(
          breakSpec,
          breakSpec,
          breakSpec,
          breakSpec,
          breakSpec,
          breakSpec,
          breakBetween,
          breakOutside,
        );
        const what = way(object, pick, schema);
        if (what !== undefined) done.push(what);
      }
      return { object, breaks: done };
    });
}

/** The break first, then a place for it: else what fits everywhere would be all that happens. */
function breakSpec(object: Json, pick: Pick, schema: Schema): string | undefined {
  const sites = sitesOf(object, 'spec', 'spec', schema.properties?.spec ?? {});
  const [name, { fits, apply }] = pick(...Object.entries(breaks));
  const fitting = sites.filter(fits);
  if (fitting.length === 0) return undefined;
  const site = pick(...fitting);
  const detail = apply(site, pick);
  return `${name} at ${site.path}${detail === '' ? '' : `: ${detail}`}`;
}

/** As JSON.parse does it: an assignment to `__proto__` would change the prototype, and be no field. */
function addField(site: Site, name: string, value: unknown): string {
  Object.defineProperty(valueAt(site), name, { value, enumerable: true, configurable: true, writable: true });
  return JSON.stringify(name);
}

/** A value of the right type, and no more. */
function simplest({ type, required = [], properties = {} }: Schema): unknown {
  if (type === 'string') return 'x';
  if (type === 'boolean') return true;
  return Object.fromEntries(required.map((name) => [name, simplest(properties[name] ?? {})]));
}
