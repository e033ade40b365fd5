/**
 * The items of what `start` gives for each job, `workers` jobs at once, as they come. At the first error it ends;
 * whoever aborts the jobs' signal ends those that are still under way.
 */
export async function* inParallel<Job, Item>(
  jobs: readonly Job[],
  workers: number,
  start: (job: Job) => AsyncIterable<Item>,
): AsyncGenerator<Item, void> {
  const waiting = [...jobs];
  const running = new Map<AsyncIterator<Item>, Promise<Turn<Item>>>();
  const ask = (iterator: AsyncIterator<Item>): void => {
    running.set(
      iterator,
      iterator.next().then((result) => ({ iterator, result })),
    );
  };
  const startNext = (): void => {
    const job = waiting.shift();
    if (job !== undefined) ask(start(job)[Symbol.asyncIterator]());
  };
  try {
    for (let worker = 0; worker < workers; worker++) startNext();
    while (running.size > 0) {
      const { iterator, result } = await Promise.race(running.values());
      if (result.done) {
        running.delete(iterator);
        startNext();
      } else {
        yield result.value;
        // Only now, as an item may be good until the next is asked for.
        ask(iterator);
      }
    }
  } finally {
    // Nobody waits for them any more; that they fail when they are aborted is no news.
    for (const turn of running.values()) turn.catch(() => undefined);
  }
}

interface Turn<Item> {
  iterator: AsyncIterator<Item>;
  result: IteratorResult<Item, unknown>;
}
