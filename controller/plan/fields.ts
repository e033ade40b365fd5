/** Sets an optional field, or takes it away: an `undefined` that is left in place would differ from what the API server keeps. */
export function setOrDrop<T extends object, K extends keyof T>(
  target: T,
  key: K,
  value: T[K] | undefined,
): void {
  if (value === undefined) delete target[key];
  else target[key] = value;
}

/** When to look again: at the first of several times. */
export function earliest(...waits: (number | undefined)[]): { lookAgainAfterMs?: number } {
  const known = waits.filter((ms) => ms !== undefined);
  return known.length > 0 ? { lookAgainAfterMs: Math.min(...known) } : {};
}

/** The fields that have a value: with `exactOptionalPropertyTypes` an optional one is absent, not undefined. */
export function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
