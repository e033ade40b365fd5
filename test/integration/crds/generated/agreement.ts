import { canonicalJson } from '../../../../api/hash.ts';
import type { FieldError, validateConnection, validateExport } from '../../../../api/validate.ts';
import type { Reply } from '../../../support/apiserver.ts';
import { onlyTheServerChecks, plainPath } from './exceptions.ts';

const unknownField = 'unknown field';

type Local = ReturnType<typeof validateConnection | typeof validateExport>;

/** How the API server's word and api/'s go together. */
export interface Agreement {
  /** What does not; empty where they agree, or where an exception says that they need not. */
  faults: string[];
  /** Entries of `onlyTheServerChecks` that were needed. */
  exceptions: string[];
}

interface Named {
  field: string;
  message: string;
}

/** Both accept, with the same defaults, or both refuse, for the same fields. */
export function agreement(kind: string, reply: Reply, local: Local): Agreement {
  const all = local.ok ? [] : local.errors.map(plain);
  const errors = all.filter(({ field }) => !isDropped(field));
  if (reply.status === 201) {
    const refused = errors
      .filter((error) => !isListForDay(error))
      .map((error) => `only api/ refuses ${line(error)}`);
    return { faults: local.ok ? defaultFaults(reply, local) : refused, exceptions: [] };
  }
  const causes = causesOf(reply);
  const exceptions: string[] = [];
  const faults: string[] = [];
  if (causes.every(({ field }) => field === '')) faults.push(`no field is named: ${reply.body.message}`);
  for (const cause of causes) {
    const exception = exceptionFor(kind, cause);
    if (exception !== undefined) exceptions.push(exception);
    else if (!isKubernetesOwn(cause) && !all.some((error) => covers(error, cause)))
      faults.push(`only the API server refuses ${line(cause)}`);
  }
  // What cannot be decoded, or is of another kind, is not validated; of what has the wrong type the rules are not asked.
  const isIncomplete = reply.status === 400 || namesField(reply, '<nil>') || namesField(reply, 'kind');
  for (const error of errors) {
    const told = causes.some((cause) => covers(error, cause));
    if (!told && !isIncomplete && !isListForDay(error)) faults.push(`only api/ refuses ${line(error)}`);
  }
  return { faults, exceptions };
}

/** The fields that a refusal of the API server names, with its words; no field where a cause names none. */
export function causesOf({ status, body }: Reply): Named[] {
  const { message = '' } = body;
  if (status === 422) {
    const causes = (body.details?.causes ?? []).filter(({ field }) => field !== '<nil>');
    return causes.map((cause) => plain({ field: cause.field ?? '', message: cause.message ?? '' }));
  }
  const unknown = [...message.matchAll(/unknown field "((?:[^"\\]|\\.)*)"/g)].map((match) => match[1] ?? '');
  // A manifest of another version is decoded as if it were of no kind: then spec and status are unknown as a whole.
  const fields = unknown.filter((field) => field !== 'spec' && field !== 'status');
  if (fields.length > 0) return fields.map((field) => plain({ field, message: unknownField }));
  if (/ObjectMeta/.test(message)) return [{ field: 'metadata', message }];
  const isAboutKind = /api ?version|version\/kind|'Kind' is missing|unknown field "(spec|status)"/i.test(
    message,
  );
  return [{ field: isAboutKind ? 'kind' : '', message }];
}

function namesField({ body }: Reply, name: string): boolean {
  return (body.details?.causes ?? []).some(({ field }) => field === name);
}

function plain({ field, message }: Named | FieldError): Named {
  return { field: plainPath(field), message };
}

function line({ field, message }: Named): string {
  return `${field}: ${message.slice(0, 300)}`;
}

/** The API server drops the status of an object that is created before it looks at it. */
function isDropped(field: string): boolean {
  return field === 'status' || field.startsWith('status.');
}

/** An API server takes a list for a text with a format. That one has no rule of ours that would notice. */
function isListForDay({ field, message }: Named): boolean {
  return field === 'spec.dataPrivacy.agreedOn' && message.endsWith('but is a list');
}

/** Names, labels and the sizes of metadata are Kubernetes' own matter, and not in the schemas. */
function isKubernetesOwn({ field }: Named): boolean {
  return field === 'metadata' || field.startsWith('metadata.');
}

function exceptionFor(kind: string, { field: named, message }: Named): string | undefined {
  const place = named.replaceAll(/\[\d+\]/g, '[]');
  return onlyTheServerChecks[kind]?.find((entry) => {
    const colon = entry.indexOf(': ');
    const [field, rule] = [entry.slice(0, colon), entry.slice(colon + 2)];
    // A rule that could not be evaluated, because something that it needs is missing, is told of its object.
    const isPlace = place === field || (message.includes('evaluating rule') && field.startsWith(place));
    return isPlace && message.includes(rule);
  });
}

/** Of the same field; or the server speaks of what is unknown in an object that api/ says is none. */
function covers(error: Named, cause: Named): boolean {
  if (isSameField(error.field, cause.field)) return true;
  return cause.message === unknownField && cause.field.startsWith(`${error.field}.`);
}

/** One may name the list, the other its item; `kind` stands for the two that tell what an object is. */
function isSameField(one: string, other: string): boolean {
  const [a, b] = [one, other].map((field) => (field === 'apiVersion' ? 'kind' : field)) as [string, string];
  const isItemOf = (item: string, list: string): boolean =>
    item.startsWith(list) && /^\[\d+\]$/.test(item.slice(list.length));
  return a === b || isItemOf(a, b) || isItemOf(b, a);
}

function defaultFaults({ body }: Reply, local: Local & { ok: true }): string[] {
  // Half a character has no UTF-8: on the server's side it is the replacement character.
  const ours = canonicalJson(local.value.spec).replaceAll(/\\u[dD][89a-fA-F][0-9a-fA-F]{2}/g, '\ufffd');
  const theirs = canonicalJson(body.spec);
  return ours === theirs ? [] : [`api/ makes of it ${ours}, the API server ${theirs}`];
}
