import type { Registration } from './registrations.ts';

type Ordered = Pick<Registration, 'urn' | 'parent' | 'dependencies'>;

/**
 * An order in which every resource comes after what it depends on and after its parent, and, where those leave a
 * choice, the one that was registered last comes first: what holds only because of the program's own order breaks here.
 *
 * @throws Error if a dependency is not among them, or they depend on each other
 */
export function contraryOrder<Resource extends Ordered>(resources: readonly Resource[]): Resource[] {
  return inOrder(resources.toReversed(), new Map(resources.map((each) => [each.urn, requirementsOf(each)])));
}

/** URNs of all that must be there before a resource, and goes after it. */
export function allRequirements(resources: readonly Ordered[], urn: string): Set<string> {
  const byUrn = new Map(resources.map((each) => [each.urn, each]));
  const found = new Set<string>();
  const visit = (each: Ordered | undefined): void => {
    for (const need of each ? requirementsOf(each) : []) {
      if (found.has(need)) continue;
      found.add(need);
      visit(byUrn.get(need));
    }
  };
  visit(byUrn.get(urn));
  return found;
}

/** The same for the way back: every resource before what it depends on; where there is a choice, the first first. */
export function contraryRemovalOrder<Resource extends Ordered>(resources: readonly Resource[]): Resource[] {
  const dependents = new Map(
    resources.map(({ urn }) => [
      urn,
      resources.filter((other) => requirementsOf(other).includes(urn)).map((other) => other.urn),
    ]),
  );
  return inOrder(resources, dependents);
}

/** Each time the first of the resources whose needs are met. */
function inOrder<Resource extends Ordered>(
  resources: readonly Resource[],
  needs: ReadonlyMap<string, readonly string[]>,
): Resource[] {
  const waiting = [...resources];
  const done = new Set<string>();
  const ordered: Resource[] = [];
  while (waiting.length > 0) {
    const index = waiting.findIndex(({ urn }) => needs.get(urn)?.every((need) => done.has(need)));
    const [next] = index < 0 ? [] : waiting.splice(index, 1);
    if (next === undefined) {
      throw new Error(`no order: ${waiting.map(({ urn }) => `${urn} needs ${needs.get(urn)}`).join('; ')}`);
    }
    done.add(next.urn);
    ordered.push(next);
  }
  return ordered;
}

function requirementsOf({ parent, dependencies }: Ordered): string[] {
  return parent === '' ? dependencies : [parent, ...dependencies];
}
