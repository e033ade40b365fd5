import * as pulumi from '@pulumi/pulumi';

const config = new pulumi.Config();

/**
 * The values of keys that a stack must set. In Pulumi.yaml they have the default "": Pulumi demands a key without a
 * default as well, but says neither what a value looks like nor how to set it.
 *
 * @param examples By key, a value as one would write it in a shell.
 * @throws RunError with a command for each key that is missing
 */
export function required<Key extends string>(examples: Readonly<Record<Key, string>>): Record<Key, string> {
  const keys = Object.keys(examples) as Key[];
  demand(
    keys.filter((key) => text(key) === ''),
    (key) => `${key} ${examples[key]}`,
  );
  return Object.fromEntries(keys.map((key) => [key, text(key)])) as Record<Key, string>;
}

/**
 * Values that Pulumi keeps encrypted. Such keys are not declared in Pulumi.yaml: declared as secrets they would be
 * demanded of every stack, and a default would be refused because it is in plain.
 *
 * @throws RunError with a command for each key that is missing; it asks for the value, which is then in no command line
 */
export function requiredSecrets<Key extends string>(
  ...keys: readonly Key[]
): Record<Key, pulumi.Output<string>> {
  demand(
    keys.filter((key) => !isSet(key)),
    (key) => `--secret ${key}`,
  );
  return Object.fromEntries(keys.map((key) => [key, config.requireSecret(key)])) as Record<
    Key,
    pulumi.Output<string>
  >;
}

function demand<Key extends string>(missing: readonly Key[], argumentsOf: (key: Key) => string): void {
  if (missing.length === 0) return;
  const stack = pulumi.getStack();
  const commands = missing.map((key) => `  pulumi config set --stack ${stack} ${argumentsOf(key)}\n`);
  throw new pulumi.RunError(
    `${missing.join(', ')}: not set for the stack "${stack}". Set what is missing, as in\n${commands.join('')}Pulumi.yaml describes each key.`,
  );
}

/** Whether a key has a value, be it a secret. */
export function isSet(key: string): boolean {
  return config.getSecret(key) !== undefined;
}

/** Empty where it is not set. */
export function text(key: string): string {
  return config.get(key) ?? '';
}

export function flag(key: string): boolean {
  return config.requireBoolean(key);
}

export function wholeNumber(key: string): number {
  return config.requireNumber(key);
}

export function list<Item extends string | number>(key: string): Item[] {
  return config.requireObject<Item[]>(key);
}
