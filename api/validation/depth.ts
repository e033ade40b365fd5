/** No field of ours lies deeper than about ten. */
const maxDepth = 64;

/**
 * The first field, as Kubernetes writes it, under which something is nested deeper than any schema of ours; undefined
 * where nothing is. Whoever walks such an object by recursion runs out of stack.
 */
export function deepField(object: unknown): string | undefined {
  if (typeof object !== 'object' || object === null) return undefined;
  return Object.keys(object).find((name) =>
    isDeeperThan((object as Record<string, unknown>)[name], maxDepth),
  );
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeperThan(child, levels - 1));
}
