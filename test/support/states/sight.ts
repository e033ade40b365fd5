import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { group } from '../../../api/names.ts';
import { repositoryDirectory } from '../../cluster/paths.ts';
import { type GitOpsHealth, gitopsHealth, gitopsHealthProgram } from '../gitopshealth.ts';
import { type Sample, samplesOf } from './samples.ts';

/** An export or a connection, as far as the table of states looks at it. */
export interface Seen {
  kind: string;
  metadata: { name: string; namespace?: string; generation?: number; deletionTimestamp?: string };
  status?: { observedGeneration?: number; conditions?: Condition[] };
}

export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

/** One of our events. */
export interface ToldEvent {
  uid: string;
  type: string;
  reason: string;
  /** How often it was told: the API has one event for the same that comes again within minutes. */
  count: number;
}

/** Which object is looked at. */
export interface Subject {
  kind: 'CriteoConnection' | 'CriteoSegmentExport';
  namespace: string;
  name: string;
}

/** The ways into a cluster that the table of states needs. */
export interface Window {
  /** The object at a path of the API server, or undefined where there is none. */
  read(path: string): Promise<object | undefined>;
  kubectl(args: readonly string[]): Promise<string>;
  /** The controller's /metrics, or undefined while no controller runs. */
  metrics(): Promise<string | undefined>;
}

/** What the program, the events and the metrics tell of one object at one moment. */
export interface Sight {
  object: Seen | undefined;
  events: ToldEvent[];
  samples: Sample[] | undefined;
}

export async function look(window: Window, subject: Subject): Promise<Sight> {
  const { kind, namespace, name } = subject;
  const path = `/apis/${group}/v1alpha1/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`;
  const object = (await window.read(path)) as Seen | undefined;
  return { object, events: await eventsAbout(window, subject), samples: await samplesAbout(window, subject) };
}

/** In the order in which they were told, the last time. */
async function eventsAbout(window: Window, { kind, namespace, name }: Subject): Promise<ToldEvent[]> {
  interface Event {
    metadata: { uid: string; resourceVersion: string };
    type: string;
    reason: string;
    reportingController?: string;
    eventTime: string;
    series?: { count: number; lastObservedTime: string };
    regarding: { kind: string; name: string };
  }
  const toldAt = ({ eventTime, series }: Event): string => series?.lastObservedTime ?? eventTime;
  const list = await window.read(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
  const { items } = list as { items: Event[] };
  return items
    .filter(({ reportingController }) => reportingController?.startsWith(group))
    .filter(({ regarding }) => regarding.kind === kind && regarding.name === name)
    .toSorted(
      (a, b) =>
        toldAt(a).localeCompare(toldAt(b)) ||
        Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion),
    )
    .map(({ metadata, type, reason, series }) => ({
      uid: metadata.uid,
      type,
      reason,
      count: series?.count ?? 1,
    }));
}

async function samplesAbout(
  window: Window,
  { kind, namespace, name }: Subject,
): Promise<Sample[] | undefined> {
  const page = await window.metrics();
  if (page === undefined) return undefined;
  const label = kind === 'CriteoConnection' ? 'connection' : 'export';
  return samplesOf(page).filter(({ labels }) => labels.namespace === namespace && labels[label] === name);
}

/** What `kubectl get -o wide` prints about an object: cells by the name of their column. */
export async function printed(window: Window, { kind, namespace, name }: Subject) {
  const text = await window.kubectl([
    'get',
    `${kind.toLowerCase()}.${group}`,
    name,
    '--namespace',
    namespace,
    '--output=wide',
  ]);
  const [header = '', row = ''] = text.split('\n');
  const starts = [...header.matchAll(/\S+(?: \S+)*/g)].map(({ index, 0: title }) => ({ index, title }));
  const cells = starts.map(({ index, title }, at) => [title, row.slice(index, starts[at + 1]?.index).trim()]);
  return Object.fromEntries(cells) as Record<string, string>;
}

const { data: scripts } = parse(
  readFileSync(join(repositoryDirectory, 'examples/argocd/health.yaml'), 'utf8'),
) as { data: Record<string, string> };

/** What Flux and Argo CD make of it. */
export async function healthOf(object: Seen): Promise<GitOpsHealth> {
  const script = scripts[`resource.customizations.health.${group}_${object.kind}`] ?? '';
  const [health] = await gitopsHealth(await gitopsHealthProgram(console.log), [{ object, script }]);
  if (!health) throw new Error('the program that asks kstatus said nothing');
  return health;
}
