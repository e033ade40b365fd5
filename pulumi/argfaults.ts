import * as pulumi from '@pulumi/pulumi';
import { defaultOptions, type InstallOptions } from '../deploy/options.ts';
import { settingsOf } from '../deploy/settings.ts';
import type { LaterOptions, LaterOutputs, PlainOptions } from './installoptions.ts';
import { knownPart } from './knownpart.ts';
import { applyPartly } from './partly.ts';
import { billionthsOf } from './quantity.ts';

type Check<Value> = (value: Value, argument: string) => string[];

const pullPolicies = ['Always', 'IfNotPresent', 'Never'];
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** What is wrong with each argument, and what would be right. */
const checks: { [Name in keyof LaterOptions]: Check<LaterOptions[Name]> } = {
  image: (image, argument) => {
    const example =
      "name the controller's image, by digest where there is one, such as registry.example/criteo-segment-export@sha256:...";
    if (image === '') return [`${argument} is missing; ${example}`];
    return wrong(/\s/.test(image), argument, "an image's name without spaces", image);
  },
  imagePullPolicy: (policy, argument) =>
    wrong(!pullPolicies.includes(policy), argument, `one of ${pullPolicies.join(', ')}`, policy),
  namespace: namespaceFaults,
  replicas: (count, argument) => wrong(!isWhole(count, 0), argument, 'a whole number, such as 2', count),
  resources: (resources, argument) =>
    Object.entries(resources).flatMap(([kind, amounts]) =>
      Object.entries(amounts ?? {}).flatMap(([resource, amount]) =>
        wrong(
          billionthsOf(String(amount)) === undefined,
          `${argument}.${kind}.${resource}`,
          'a quantity of Kubernetes, such as 512Mi or 50m',
          amount,
        ),
      ),
    ),
  apiServerPorts: (ports, argument) => [
    // A rule of a NetworkPolicy without ports lets everything out.
    ...(ports.length === 0 ? [`${argument} must have at least one port, such as 443`] : []),
    ...eachOf(ports, argument, (port, item) =>
      wrong(!isWhole(port, 1, 65_535), item, 'a port from 1 to 65535', port),
    ),
  ],
  allowedBaseUrls: (urls, argument) =>
    eachOf(urls, argument, (url, item) => flagFaults({ allowedBaseUrls: [url] }, item)),
  extraFlags: (extraFlags, argument) => flagFaults({ extraFlags }, `${argument} (its --help lists them)`),
  monitoringLabels: () => [],
};

/**
 * What is wrong with the arguments that may be known only later; of one that is not known, nothing is. Of one that is a
 * secret no value is told.
 */
export function laterFaults(outputs: LaterOutputs): pulumi.Output<string[]> {
  const faults = Object.entries(outputs).map(([name, given]) => {
    const output = given as pulumi.Output<unknown>;
    const check = checks[name as keyof LaterOptions] as Check<unknown>;
    const secret = pulumi.isSecret(output);
    return applyPartly(output, async (value) => {
      const isKnown = knownPart(value, name).unknown.length === 0;
      const found = isKnown ? check(value, nameOf(name)) : [];
      if (found.length === 0 || !(await secret)) return found;
      return [`${nameOf(name)} is not valid; it is a secret, and so this does not say why`];
    });
  });
  return pulumi.unsecret(pulumi.all(faults)).apply((each) => each.flat());
}

/** What is wrong with the others. */
export function plainFaults({ watchedNamespaces }: PlainOptions): string[] {
  return watchedNamespaces.flatMap((namespace, index) => {
    const item = `watchedNamespaces[${index}]`;
    const first = watchedNamespaces.indexOf(namespace);
    if (first === index) return namespaceFaults(namespace, item);
    return [`${item} must be another namespace than watchedNamespaces[${first}], but is "${namespace}" too`];
  });
}

function nameOf(option: string): string {
  return option === 'monitoringLabels' ? 'monitoring.labels' : option;
}

function wrong(isWrong: boolean, argument: string, right: string, value: unknown): string[] {
  return isWrong ? [`${argument} must be ${right}, but is ${JSON.stringify(value)}`] : [];
}

function namespaceFaults(namespace: string, argument: string): string[] {
  const right = 'the name of a namespace: at most 63 small letters, digits and hyphens, such as marketing';
  return wrong(!label.test(namespace), argument, right, namespace);
}

function isWhole(value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

function eachOf<Item>(items: readonly Item[], argument: string, check: Check<Item>): string[] {
  return items.flatMap((item, index) => check(item, `${argument}[${index}]`));
}

/** In the controller's own words. */
function flagFaults(options: Partial<InstallOptions>, argument: string): string[] {
  try {
    settingsOf({ ...defaultOptions, image: 'an-image', ...options });
    return [];
  } catch (error) {
    return [`${argument}: the controller would refuse it: ${(error as Error).message}`];
  }
}
