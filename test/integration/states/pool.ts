/** Does the work of each item, so many at once; each promise is there at once and settles when its item is done. */
export function pooled<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Map<T, Promise<R>> {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  const turn = async (): Promise<void> => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const done = (): void => {
    const next = waiting.shift();
    if (next) next();
    else free++;
  };
  return new Map(
    items.map((item) => {
      const result = turn().then(() => work(item).finally(done));
      // Whoever asks for it is told; until then it is no unhandled one.
      result.catch(() => undefined);
      return [item, result];
    }),
  );
}
