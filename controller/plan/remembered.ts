import type {
  CriteoSegmentExportStatus,
  FilledSegment,
  RememberedLedger,
} from '../../api/generated/criteosegmentexport.ts';
import type { Report } from '../../api/report.ts';
import type { ExportRun, ObjectName, RetireRun } from '../../api/rundocument.ts';

type Status = Partial<CriteoSegmentExportStatus>;

/** As many as status keeps. */
const maxLedgers = 10;
const maxSegments = 100;

/**
 * Status remembers every connection in whose ledger a run of this export may have
 * written: before the run starts, so that a crash after it forgets none.
 */
export function remember(status: Status, connection: Pick<ObjectName, 'name' | 'uid'>): RememberedLedger[] {
  const { name, uid } = connection;
  const ledgers = status.ledgers ?? [];
  const known = ledgers.find((ledger) => ledger.connection === name);
  const others = ledgers.filter((ledger) => ledger !== known);
  return [{ ...known, connection: name, connectionUID: uid }, ...others].slice(0, maxLedgers);
}

export function forget(status: Status, connection: string): RememberedLedger[] | undefined {
  const left = (status.ledgers ?? []).filter((ledger) => ledger.connection !== connection);
  return left.length > 0 ? left : undefined;
}

/** What a report tells of segments at Criteo, so that they can be named should they be left behind. */
export function learn(
  status: Status,
  document: ExportRun | RetireRun,
  report: Report,
): RememberedLedger[] | undefined {
  return status.ledgers?.map((ledger) => {
    if (ledger.connection !== document.connection.name) return ledger;
    const gone = new Set(
      (report.retired?.list ?? [])
        .filter(({ reason, policy }) => reason === 'Succeeded' && policy !== 'Retain')
        .map(({ criteoSegmentId }) => criteoSegmentId),
    );
    const filled = filledSegments(document, report);
    const before = (ledger.segments ?? []).filter(
      ({ criteoSegmentId: id }) =>
        !gone.has(id) && !filled.some(({ criteoSegmentId }) => criteoSegmentId === id),
    );
    const segments = [...filled, ...before].slice(0, maxSegments);
    const { segments: _, ...rest } = ledger;
    return segments.length > 0 ? { ...rest, segments } : rest;
  });
}

function filledSegments(document: ExportRun | RetireRun, report: Report): FilledSegment[] {
  if (document.kind !== 'Export') return [];
  return document.segments.flatMap(({ criteoName }, index) => {
    const criteoSegmentId = report.segments?.[index]?.criteoSegmentId;
    return criteoSegmentId === undefined
      ? []
      : [{ criteoSegmentId, criteoName, advertiserId: document.advertiserId }];
  });
}

/** Names what stays at Criteo. */
export function leftMessage(
  { connection, segments = [] }: RememberedLedger,
  owner: string,
  why: string,
): string {
  const first = segments.slice(0, 10);
  const names = first.map(
    ({ criteoSegmentId, criteoName, advertiserId }) =>
      `${criteoSegmentId}${criteoName === undefined ? '' : ` "${criteoName}"`}${advertiserId === undefined ? '' : ` of advertiser ${advertiserId}`}`,
  );
  const more = segments.length > first.length ? ` and ${segments.length - first.length} more` : '';
  const which =
    segments.length > 0
      ? `Segments: ${names.join(', ')}${more}.`
      : `Which segments is not known here; at Criteo the description of each names ${owner}.`;
  return `What this export sent by the connection "${connection}" was left at Criteo: ${why} ${which}`;
}
