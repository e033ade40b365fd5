/** A segment as examples/data/expected.json has it: made with the list, not read from it. */
export interface ExpectedSegment {
  name: string;
  selected: number;
  digest: string;
}

/** What the sandbox holds and should not, or should and does not; a sentence each. */
export function differences(
  expected: readonly ExpectedSegment[],
  received: readonly { name: string; numberOfIdentifiers: number; digest: string }[],
  criteoNames: ReadonlyMap<string, string>,
): string[] {
  const faults: string[] = [];
  for (const segment of expected) {
    const name = criteoNames.get(segment.name) ?? segment.name;
    const found = received.find((candidate) => candidate.name === name);
    if (!found) faults.push(`Criteo has no segment "${name}"`);
    else if (found.digest !== segment.digest) {
      faults.push(
        `"${name}" holds ${found.numberOfIdentifiers} identifiers that are not the expected ${segment.selected}`,
      );
    }
  }
  if (received.length !== expected.length) {
    faults.push(`Criteo has ${received.length} segments, not ${expected.length}`);
  }
  return faults;
}
