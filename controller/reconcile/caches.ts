import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { labels, managedBy } from '../../api/names.ts';
import type { FollowedCronJob, FollowedJob } from '../plan/followed.ts';
import type { CronJob, Job, Pod } from '../plan/kubernetes.ts';
import { controllerOwnerOf } from '../plan/owner.ts';
import type { KubeClient } from '../runtime/client.ts';
import { Informer, type InformerOptions } from '../runtime/informer.ts';
import type { Logger } from '../runtime/log.ts';
import type { KubeObject, Resource } from '../runtime/resource.ts';
import { connections, cronJobs, jobs, otherCronJobs, otherJobs, pods, segmentExports } from './resources.ts';
import { slimCronJob, slimJob } from './slim.ts';

/** What the controller watches; every read of a reconcile but those of unwatched.ts comes from here. */
export interface Caches {
  connections: Informer<CriteoConnection>;
  exports: Informer<CriteoSegmentExport>;
  cronJobs: Informer<CronJob>;
  jobs: Informer<Job>;
  pods: Informer<Pod>;
  /** Of other people: runs may follow them. */
  otherJobs: Informer<FollowedJob>;
  otherCronJobs: Informer<FollowedCronJob>;
}

/** Names of the indexes; each function tells the values under which an object is found. */
export const byUid = 'uid';
export const byConnection = 'connection';
export const byRememberedConnection = 'rememberedConnection';
export const byExportUid = 'exportUid';
export const byConnectionUid = 'connectionUid';
export const byController = 'controller';
/** The namespace of an export whose runs follow other Jobs. */
export const byFollowing = 'following';

const childIndexes = {
  [byExportUid]: label(labels.exportUid),
  [byConnectionUid]: label(labels.connectionUid),
};

/** By which values the objects of each cache are found. */
export const indexes = {
  connections: { [byUid]: uidOf },
  exports: {
    [byUid]: uidOf,
    [byConnection]: connectionKeyOf,
    [byRememberedConnection]: rememberedKeysOf,
    [byFollowing]: followingIn,
  },
  cronJobs: childIndexes,
  jobs: { ...childIndexes, [byController]: controllerOf },
  pods: childIndexes,
  otherJobs: { [byController]: controllerOf },
  otherCronJobs: {},
};

export function createCaches(client: KubeClient, options: { namespaces: string[]; logger: Logger }): Caches {
  const ours = { labelSelector: `${labels.managedBy}=${managedBy}` };
  const others = { labelSelector: `${labels.managedBy}!=${managedBy}` };
  const informer = <T extends KubeObject>(
    resource: Resource<T>,
    indexes: Record<string, (object: T) => string[]>,
    which: Pick<InformerOptions<T>, 'labelSelector' | 'transform'> = {},
  ): Informer<T> =>
    new Informer<T>({
      client,
      resource,
      indexes,
      logger: options.logger,
      ...(options.namespaces.length > 0 ? { namespaces: options.namespaces } : {}),
      ...which,
    });
  return {
    connections: informer(connections, indexes.connections),
    exports: informer(segmentExports, indexes.exports),
    cronJobs: informer(cronJobs, indexes.cronJobs, ours),
    jobs: informer(jobs, indexes.jobs, ours),
    pods: informer(pods, indexes.pods, ours),
    otherJobs: informer(otherJobs, indexes.otherJobs, { ...others, transform: slimJob }),
    otherCronJobs: informer(otherCronJobs, indexes.otherCronJobs, { ...others, transform: slimCronJob }),
  };
}

export function allCaches(caches: Caches): [string, Informer<KubeObject>][] {
  return Object.entries(caches) as [string, Informer<KubeObject>][];
}

/** The key of the connection that an export refers to: `namespace/name`. */
export function connectionKeyOf(resource: CriteoSegmentExport): string[] {
  // One that was stored under another version of the CRD may have neither: it must not end the watch of all.
  return [`${resource.metadata.namespace}/${resource.spec?.connectionRef?.name}`];
}

/** The keys of the connections in whose ledgers an export's segments are. */
export function rememberedKeysOf({ metadata, status }: CriteoSegmentExport): string[] {
  const ledgers = Array.isArray(status?.ledgers) ? status.ledgers : [];
  return ledgers.map((ledger) => `${metadata.namespace}/${ledger?.connection}`);
}

/** The namespace of an export whose runs follow others. */
export function followingIn({ metadata: { namespace = '' }, spec }: CriteoSegmentExport): string[] {
  return Array.isArray(spec?.runAfter) ? [namespace] : [];
}

/** The uid of the object that made a Job: of its CronJob, where it has one. */
export function controllerOf({ metadata }: KubeObject): string[] {
  const owner = controllerOwnerOf(metadata);
  return owner ? [owner.uid] : [];
}

function uidOf(object: KubeObject): string[] {
  return object.metadata.uid === undefined ? [] : [object.metadata.uid];
}

function label(name: string): (object: KubeObject) => string[] {
  return (object) => {
    const value = object.metadata.labels?.[name];
    return value === undefined ? [] : [value];
  };
}
