import { waitFor } from '../../cluster/wait.ts';
import { columnsCell, conditionsCell, eventsCell, metricsCell, sentenceCell, toldSince } from './cells.ts';
import { healthOf, look, printed, type Sight, type Subject, type Window } from './sight.ts';

/** The headings of the tables of docs/states.md, by kind. */
export const columns = {
  CriteoSegmentExport: [
    'Conditions',
    'Events',
    'READY / RESULT / PROFILES',
    'STATUS says',
    'Metrics',
    'Flux',
    'Argo CD',
  ],
  CriteoConnection: ['Conditions', 'Events', 'READY', 'STATUS says', 'Flux', 'Argo CD'],
};

/** Events and metrics follow status by a moment. */
const followMs = 60_000;

/**
 * The row of an object's state as docs/states.md would have it.
 * @param before what was to be seen before the state was reached: its events are no part of the row.
 * @param wanted the row of the document: what comes later is waited for until the two agree.
 */
export async function rowOf(
  window: Window,
  subject: Subject,
  { before, wanted }: { before: Sight; wanted: readonly string[] | undefined },
): Promise<string[]> {
  const isExport = subject.kind === 'CriteoSegmentExport';
  let sight = await look(window, subject);
  const cells = (): string[] => [
    conditionsCell(sight.object),
    eventsCell(toldSince(before.events, sight.events)),
    metricsCell(sight.object, sight.samples, before.samples),
  ];
  const expected = wanted && [wanted[0], wanted[1], isExport ? wanted[4] : '-'];
  await waitFor('the row', followMs, async () => {
    sight = await look(window, subject);
    return expected?.join('|') === cells().join('|') ? true : undefined;
  }).catch(() => undefined);
  const [conditions = '', events = '', metrics = ''] = cells();
  if (!sight.object) throw new Error(`${subject.kind} ${subject.name} is gone`);
  const [table, health] = [await printed(window, subject), await healthOf(sight.object)];
  const titles = isExport ? ['READY', 'RESULT', 'PROFILES'] : ['READY'];
  const { argoCD } = health;
  const ready = sight.object.status?.conditions?.find(({ type }) => type === 'Ready');
  const { generation, deletionTimestamp } = sight.object.metadata;
  const isCurrent = sight.object.status?.observedGeneration === generation && deletionTimestamp === undefined;
  // Argo CD shows the sentence of Ready, where there is one of this generation.
  const shown = isCurrent && ready && argoCD.message !== ready.message ? `: ${argoCD.message}` : '';
  const metricsAt = isExport ? [metrics] : metrics === '-' ? [] : [metrics];
  return [
    conditions,
    events,
    columnsCell(table, titles),
    sentenceCell(table.STATUS ?? '', wanted?.[3]),
    ...metricsAt,
    health.kstatus.status,
    `${argoCD.status}${shown}`,
  ];
}
