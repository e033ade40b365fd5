import * as pulumi from '@pulumi/pulumi';
import { defaultOptions, type InstallOptions, type MonitoringOptions } from '../deploy/options.ts';
import type { CriteoExportControllerArgs } from './controllerargs.ts';

/** Those of the options that decide which objects there are. */
export type PlainOptions = Pick<
  InstallOptions,
  'createNamespace' | 'installDefinitions' | 'watchedNamespaces'
> & { monitoring: Omit<MonitoringOptions, 'labels'> };

/** Those that may become known only while the program runs. */
export type LaterOptions = Omit<InstallOptions, keyof PlainOptions> & {
  monitoringLabels: MonitoringOptions['labels'];
};

/** Each by itself: one that is not known, or is a secret, must not make the others so. */
export type LaterOutputs = { [Name in keyof LaterOptions]: pulumi.Output<LaterOptions[Name]> };

export function plainOptions(args: CriteoExportControllerArgs): PlainOptions {
  const { createNamespace, installDefinitions, watchedNamespaces, monitoring } = args;
  const { labels: _, ...kinds } = { ...defaultOptions.monitoring, ...monitoring };
  return {
    createNamespace: createNamespace ?? defaultOptions.createNamespace,
    installDefinitions: installDefinitions ?? defaultOptions.installDefinitions,
    watchedNamespaces: watchedNamespaces ?? defaultOptions.watchedNamespaces,
    monitoring: kinds,
  };
}

/** As a program that says nothing has them. The image has no default: a configuration may hold nothing, whatever its type says. */
export const usualOptions: LaterOptions = {
  image: '',
  imagePullPolicy: defaultOptions.imagePullPolicy,
  namespace: defaultOptions.namespace,
  replicas: defaultOptions.replicas,
  resources: defaultOptions.resources,
  apiServerPorts: defaultOptions.apiServerPorts,
  allowedBaseUrls: defaultOptions.allowedBaseUrls,
  extraFlags: defaultOptions.extraFlags,
  monitoringLabels: defaultOptions.monitoring.labels,
};

export function laterOptions(args: CriteoExportControllerArgs): LaterOutputs {
  const given = { ...args, monitoringLabels: args.monitoring?.labels };
  const entries = Object.entries(usualOptions).map(([name, usual]) => {
    const argument: pulumi.Output<unknown> = pulumi.output<unknown>(given[name as keyof LaterOptions]);
    return [name, argument.apply((value) => value ?? usual)];
  });
  return Object.fromEntries(entries) as LaterOutputs;
}

export function installOptions(plain: PlainOptions, later: LaterOptions): InstallOptions {
  const { monitoringLabels, ...options } = later;
  return { ...options, ...plain, monitoring: { ...plain.monitoring, labels: monitoringLabels } };
}
