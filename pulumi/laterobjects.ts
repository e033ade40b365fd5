import { isDeepStrictEqual } from 'node:util';
import * as pulumi from '@pulumi/pulumi';
import type { Manifest } from '../deploy/options.ts';
import type { settingsOf } from '../deploy/settings.ts';
import { type LaterOptions, type LaterOutputs, usualOptions } from './installoptions.ts';

type Name = keyof LaterOptions;
type Settings = ReturnType<typeof settingsOf>;

const usual: LaterOptions = { ...usualOptions, image: 'an-image' };

/** A flag for each setting that `extraFlags` can change. */
const flags: Record<keyof Omit<Settings, 'image' | 'imagePullPolicy'>, string> = {
  imagePullSecrets: '--image-pull-secret=another',
  proxy: '--job-https-proxy=http://another.example',
  caBundleConfigMap: '--ca-bundle-configmap=another',
  allowedBaseUrls: '--allowed-base-url=https://another.example',
  allowedSourceEndpoints: '--allowed-source-endpoint=https://another.example',
  allowedAuthorityHosts: '--allowed-authority-host=https://another.example',
  allowedJobLabels: '--allowed-job-label=another',
  allowedPriorityClasses: '--allowed-priority-class=another',
  allowedTolerations: '--allowed-toleration=another',
  maxRunsPerConnection: '--max-runs-per-connection=1',
  retireDeadlineMs: '--retire-deadline-seconds=1',
};

/** Of each option a value that is not the usual one. */
const others: LaterOptions = {
  image: 'another-image',
  imagePullPolicy: 'Never',
  namespace: 'another-namespace',
  replicas: 1,
  resources: {},
  apiServerPorts: [1],
  allowedBaseUrls: ['https://another.example'],
  extraFlags: Object.values(flags),
  monitoringLabels: { another: 'label' },
};

export interface LaterObject {
  /** As it is with the usual options. */
  shape: Manifest;
  fields: Record<string, pulumi.Input<unknown>>;
}

/**
 * Objects that hold options which may not be known yet, or be a secret, each in the places alone where it stands. An
 * output that is not known in a name makes Pulumi tell of a replacement, and one that is a secret hides all that is in it.
 *
 * Where an option stands is seen by building the objects with another value of it: the builders of `deploy/` need not
 * know of outputs, and what they make of a value, such as a literal in CEL, they still make themselves.
 *
 * @param build Makes the same objects in the same order, whatever the options are.
 * @param checked Fails where they cannot be built.
 */
export function laterObjects(
  build: (options: LaterOptions) => Manifest[],
  outputs: LaterOutputs,
  checked: pulumi.Output<unknown>,
): LaterObject[] {
  const variants = (Object.keys(others) as Name[]).map((name) => ({
    name,
    objects: build({ ...usual, [name]: others[name] }),
  }));
  const builds = new Map<string, (index: number) => pulumi.Output<Manifest | undefined>>();

  function builtWith(names: Name[]): (index: number) => pulumi.Output<Manifest | undefined> {
    const key = names.join();
    const built = builds.get(key) ?? builtLater(build, pick(outputs, names), checked);
    builds.set(key, built);
    return built;
  }

  /** The part at a path of an object: as it is where no option stands in it, else what of it holds one as an output. */
  function partOf(
    part: unknown,
    variantsOfPart: Variant[],
    [index, ...path]: [number, ...string[]],
  ): unknown {
    const holding = variantsOfPart.filter((variant) => !isDeepStrictEqual(part, variant.part));
    if (holding.length === 0) return part;
    if (!holding.every((variant) => hasSameKeys(part, variant.part))) {
      return builtWith(holding.map(({ name }) => name))(index).apply((object) => at(object, path));
    }
    const parts = Object.entries(part as object).map(([key, child]) => {
      const ofChild = holding.map((variant) => ({ name: variant.name, part: at(variant.part, [key]) }));
      return [key, partOf(child, ofChild, [index, ...path, key])] as const;
    });
    return Array.isArray(part) ? parts.map(([, child]) => child) : Object.fromEntries(parts);
  }

  return build(usual).map((shape, index) => {
    const ofObject = variants.map(({ name, objects }) => ({ name, part: objects[index] }));
    return { shape, fields: partOf(shape, ofObject, [index]) as LaterObject['fields'] };
  });
}

interface Variant {
  name: Name;
  part: unknown;
}

/** Objects with these options as they will be, and the usual ones. Of each an output: one of all would be copied often. */
function builtLater(
  build: (options: LaterOptions) => Manifest[],
  outputs: Partial<LaterOutputs>,
  checked: pulumi.Output<unknown>,
): (index: number) => pulumi.Output<Manifest | undefined> {
  let objects: Manifest[] = [];
  const ready = pulumi.all([outputs, checked]).apply(([options]) => {
    objects = build({ ...usual, ...(options as Partial<LaterOptions>) });
  });
  return (index) => ready.apply(() => objects[index]);
}

function pick(outputs: LaterOutputs, names: readonly Name[]): Partial<LaterOutputs> {
  return Object.fromEntries(names.map((name) => [name, outputs[name]]));
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce((part, key) => (part as Record<string, unknown> | undefined)?.[key], value);
}

function hasSameKeys(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  return (
    isDeepStrictEqual(Object.keys(one), Object.keys(other)) && Array.isArray(one) === Array.isArray(other)
  );
}
