import type { ReportDetails } from '../../../api/report.ts';
import { formatTime, parseTime } from '../../../api/time.ts';

/** ` (HTTP 403)`, where the status is known. */
export function httpStatus({ status }: ReportDetails): string {
  return status === undefined ? '' : ` (HTTP ${status})`;
}

export function code(details: ReportDetails): string {
  return details.code === undefined ? '' : ` with the code ${details.code}`;
}

/** ` (HTTP 403, code access-denied)`, as far as they are known. */
export function reply({ status, code: word }: ReportDetails): string {
  const parts = [
    ...(status === undefined ? [] : [`HTTP ${status}`]),
    ...(word === undefined ? [] : [`code ${word}`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

export function line(details: ReportDetails): string {
  return details.line === undefined ? '' : ` at line ${details.line}`;
}

/** A name in quotes with what it is, or only that where it is not known. */
export function named(what: string, name: string | undefined): string {
  return name === undefined || name === '' ? what : `${what} "${name}"`;
}

const endOfTimes = parseTime('9999-12-31T23:59:59Z') ?? 0;

/** RFC 3339; undefined where the API server would not take it as a time: what a pod reports may be any number. */
export function timeText(milliseconds: number | undefined): string | undefined {
  const isTime = milliseconds !== undefined && milliseconds >= 0 && milliseconds <= endOfTimes;
  return isTime ? formatTime(milliseconds) : undefined;
}
