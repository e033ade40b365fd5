import type { ItemFailures } from './options.ts';
import { ApiFailure, failure, type ProblemSeed, problem } from './problem.ts';
import type { Call, Outcome } from './request.ts';

/** The items of a bulk call. */
export function items<Item>(body: unknown): Item[] {
  const { data } = body as { data?: Item[] };
  // The contract forgets to require it; a bulk call of nothing is a mistake that should be seen.
  if (data === undefined) throw failure(400, { code: 'required-field', detail: 'data is missing' });
  return data;
}

/** The answer to a bulk call of which some items failed, told as the sandbox is set to tell them. */
export function bulk(call: Call, data: unknown[], failures: ProblemSeed[], commit: () => void): Outcome {
  const how: ItemFailures = call.state.behaviour.itemFailures;
  if (failures.length > 0 && how === 'badRequest') throw new ApiFailure(400, failures);
  const problems = failures.map((seed) => problem(seed, call.path));
  return {
    body: { data, errors: how === 'errors' ? problems : [], warnings: how === 'warnings' ? problems : [] },
    refusedData: [],
    commit,
  };
}
