import * as pulumi from '@pulumi/pulumi';
import { defaultOptions, type InstallOptions } from '../deploy/options.ts';
import type { CriteoExportControllerArgs } from './controllerargs.ts';

/** Those of the options that decide which objects there are. */
type PlainOptions = Pick<
  InstallOptions,
  'createNamespace' | 'installDefinitions' | 'watchedNamespaces' | 'monitoring'
>;

/** Those that may become known only while the program runs. The image is apart: it is often built by the program. */
type LaterOptions = Omit<InstallOptions, keyof PlainOptions | 'image'>;

export function plainOptions(args: CriteoExportControllerArgs): PlainOptions {
  const { createNamespace, installDefinitions, watchedNamespaces, monitoring } = args;
  return {
    createNamespace: createNamespace ?? defaultOptions.createNamespace,
    installDefinitions: installDefinitions ?? defaultOptions.installDefinitions,
    watchedNamespaces: watchedNamespaces ?? defaultOptions.watchedNamespaces,
    monitoring: { ...defaultOptions.monitoring, ...monitoring },
  };
}

export function laterOptions(args: CriteoExportControllerArgs): pulumi.Output<LaterOptions> {
  const { imagePullPolicy, namespace, replicas, resources, apiServerPorts, allowedBaseUrls, extraFlags } =
    args;
  return pulumi
    .output({ imagePullPolicy, namespace, replicas, resources, apiServerPorts, allowedBaseUrls, extraFlags })
    .apply((given) => ({
      imagePullPolicy: given.imagePullPolicy ?? defaultOptions.imagePullPolicy,
      namespace: given.namespace ?? defaultOptions.namespace,
      replicas: given.replicas ?? defaultOptions.replicas,
      resources: given.resources ?? defaultOptions.resources,
      apiServerPorts: given.apiServerPorts ?? defaultOptions.apiServerPorts,
      allowedBaseUrls: given.allowedBaseUrls ?? defaultOptions.allowedBaseUrls,
      extraFlags: given.extraFlags ?? defaultOptions.extraFlags,
    }));
}
