import { Environment } from '@marcbachmann/cel-js';
import { billionthsOf } from './quantity.ts';

/** A quantity of Kubernetes, as rules compare it. */
class Quantity {
  readonly billionths: bigint;

  constructor(text: string) {
    const billionths = billionthsOf(text);
    if (billionths === undefined) throw new Error('not a quantity');
    this.billionths = billionths;
  }
}

/** CEL as the API server evaluates it, as far as the rules of our CRDs use what Kubernetes adds to it. */
export const celEnvironment = new Environment({
  unlistedVariablesAreDyn: true,
  enableOptionalTypes: true,
  homogeneousAggregateLiterals: false,
})
  .registerType('Quantity', Quantity)
  .registerFunction('isQuantity(string): bool', (text: string) => billionthsOf(text) !== undefined)
  .registerFunction('quantity(string): Quantity', (text: string) => new Quantity(text))
  .registerFunction(
    'Quantity.isLessThan(Quantity): bool',
    (a: Quantity, b: Quantity) => a.billionths < b.billionths,
  )
  .registerFunction('Quantity.compareTo(Quantity): int', (a: Quantity, b: Quantity) =>
    BigInt(Number(a.billionths > b.billionths) - Number(a.billionths < b.billionths)),
  )
  .registerFunction(
    'string.findAll(string): list<string>',
    (text: string, pattern: string) => text.match(regExp(pattern, 'g')) ?? [],
  )
  .registerFunction('string.kubernetesMatches(string): bool', (text: string, pattern: string) =>
    regExp(pattern).test(text),
  )
  .registerFunction('string.kubernetesLowerAscii(): string', (text: string) =>
    text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()),
  )
  .registerFunction('list.isSorted(): bool', (list: bigint[]) =>
    list.every((item, index) => index === 0 || (list[index - 1] ?? item) <= item),
  );

/**
 * A rule in which those functions have names of their own that the library has otherwise: `matches` with patterns of
 * JavaScript, and `lowerAscii` for every letter.
 */
export function inKubernetesWords(rule: string): string {
  return rule
    .replaceAll('.matches(', '.kubernetesMatches(')
    .replaceAll('.lowerAscii(', '.kubernetesLowerAscii(');
}

/** A pattern of RE2 in JavaScript, as far as our rules differ: a flag for the whole of it stands at its beginning. */
function regExp(pattern: string, flags = ''): RegExp {
  return pattern.startsWith('(?i)')
    ? new RegExp(pattern.slice('(?i)'.length), `${flags}iu`)
    : new RegExp(pattern, `${flags}u`);
}
