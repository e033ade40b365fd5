import type { Schema } from '../../../../scripts/generate/crd.ts';
import type { Json } from './valid.ts';

/** A place in a manifest, with the schema that holds there. */
export interface Site {
  holder: Json | unknown[];
  key: string | number;
  path: string;
  schema: Schema;
}

/** Of a long list these: two hundred columns would crowd out everything else. */
const itemsLookedAt = 3;

/** The value below `key` and everything in it that the schema knows. */
export function sitesOf(
  holder: Json | unknown[],
  key: string | number,
  path: string,
  schema: Schema,
): Site[] {
  const site = { holder, key, path, schema };
  const value = valueAt(site);
  if (Array.isArray(value) && schema.items) {
    const { items } = schema;
    const looked = value.slice(0, itemsLookedAt);
    return [site, ...looked.flatMap((_, index) => sitesOf(value, index, `${path}[${index}]`, items))];
  }
  if (!isObject(value)) return [site];
  const children = Object.keys(value).flatMap((name) => {
    const child = schema.properties?.[name] ?? schema.additionalProperties;
    return child ? sitesOf(value, name, `${path}.${name}`, child) : [];
  });
  return [site, ...children];
}

export function valueAt({ holder, key }: Site): unknown {
  return (holder as Json)[key];
}

/** Returns the value as text, for the list of what was done. */
export function setAt({ holder, key }: Site, value: unknown): string {
  (holder as Json)[key] = structuredClone(value);
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length})` : text;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
