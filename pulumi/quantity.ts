const nano = 1_000_000_000n;

/** Of each suffix of a Kubernetes quantity, in billionths. */
const suffixes: Readonly<Record<string, bigint>> = {
  n: 1n,
  u: 1_000n,
  m: 1_000_000n,
  '': nano,
  k: 1_000n * nano,
  M: 1_000n ** 2n * nano,
  G: 1_000n ** 3n * nano,
  T: 1_000n ** 4n * nano,
  P: 1_000n ** 5n * nano,
  E: 1_000n ** 6n * nano,
  Ki: 1_024n * nano,
  Mi: 1_024n ** 2n * nano,
  Gi: 1_024n ** 3n * nano,
  Ti: 1_024n ** 4n * nano,
  Pi: 1_024n ** 5n * nano,
  Ei: 1_024n ** 6n * nano,
};

/** How much a quantity of Kubernetes is, in billionths; undefined where the text is none. */
export function billionthsOf(text: string): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,2})|([a-zA-Z]{0,2}))$/.exec(text);
  const [, sign = '', whole = '', fraction = '', exponent = '', suffix = ''] = match ?? [];
  const unit = suffixes[suffix];
  if (!match || text === '' || unit === undefined) return undefined;
  const power = Number(exponent) - fraction.length;
  // Kubernetes takes a suffix alone for none of it.
  const digits = BigInt(whole + fraction || '0') * unit;
  // What is less than a billionth does not matter: a quantity has no smaller part.
  const amount = power < 0 ? digits / 10n ** BigInt(-power) : digits * 10n ** BigInt(power);
  return sign === '-' ? -amount : amount;
}
