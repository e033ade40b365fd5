import type { Consent, CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import type { DeletionPolicy, ExportRun, ObjectName } from '../../api/rundocument.ts';
import type { DefinitionInput } from './definition.ts';
import { definitionGeneration } from './definitionsince.ts';
import { runLedger } from './ledger.ts';
import { runSourceOf } from './rundocumentsource.ts';
import type { Settings } from './settings.ts';
import { isAllowedEndpoint } from './sourceendpoints.ts';

export function advertiserOf(input: DefinitionInput): string | undefined {
  return input.export.spec.advertiserId ?? input.connection?.spec.advertiserId;
}

/** The lower of the export's and the connection's holds. */
export function maxProfilesOf(input: DefinitionInput): number {
  const { export: resource, connection } = input;
  return Math.min(
    resource.spec.maxProfiles ?? Number.POSITIVE_INFINITY,
    connection?.spec.maxProfiles ?? 1_000_000,
  );
}

/** Mirror where there is a ledger: the list that a person maintains is what Criteo shall hold. */
export function modeOf({ export: { spec }, connection }: DefinitionInput): 'Mirror' | 'AddOnly' {
  return spec.mode ?? (connection?.spec.ledger ? 'Mirror' : 'AddOnly');
}

export function policyOf(spec: CriteoSegmentExport['spec']): DeletionPolicy {
  return spec.deletionPolicy ?? 'Retain';
}

const defaultMaxPercent = { removal: 30, rowFaults: 50 };

export function removalGuardOf(spec: CriteoSegmentExport['spec']): { maxPercent: number } {
  return { maxPercent: spec.removalGuard?.maxPercent ?? defaultMaxPercent.removal };
}

/** The run document of a definition that `definitionFault` found no fault with. */
export function runDocumentOf(
  input: DefinitionInput,
  settings: Pick<Settings, 'allowedSourceEndpoints'>,
): ExportRun | undefined {
  const { export: resource, connection } = input;
  const { spec, metadata } = resource;
  const advertiserId = advertiserOf(input);
  const source = runSourceOf(spec.source);
  if (!connection || advertiserId === undefined || !source) return undefined;
  const ledger = runLedger(connection);
  return {
    formatVersion: 1,
    kind: 'Export',
    connection: nameOf(connection.metadata),
    api: { baseUrl: connection.spec.api.baseUrl, version: connection.spec.api.version },
    export: nameOf(metadata),
    generation: definitionGeneration(resource),
    ...(spec.name === undefined ? {} : { name: spec.name }),
    advertiserId,
    maxProfiles: maxProfilesOf(input),
    mode: modeOf(input),
    ...(ledger ? { ledger } : {}),
    rowFaultGuard: { maxPercent: spec.rowFaultGuard?.maxPercent ?? defaultMaxPercent.rowFaults },
    ...(spec.maxSourceAgeSeconds === undefined ? {} : { maxSourceAgeSeconds: spec.maxSourceAgeSeconds }),
    removalGuard: removalGuardOf(spec),
    deletionPolicy: policyOf(spec),
    match: {
      email: { field: spec.match.email.field, fallbackFields: [...(spec.match.email.fallbackFields ?? [])] },
    },
    ...(spec.consent ? { consent: consentOf(spec.consent) } : {}),
    source,
    ...(isAllowedEndpoint(spec.source, settings) ? { allowLocalSource: true } : {}),
    segments: spec.segments.map((segment) => ({
      name: segment.name,
      criteoName: segment.criteoName ?? segment.name,
      existing: segment.existing ?? 'Refuse',
    })),
  };
}

function consentOf({ field, equals, notEquals, isTrue }: Consent): NonNullable<ExportRun['consent']> {
  return {
    field,
    ...(equals === undefined ? {} : { equals }),
    ...(notEquals === undefined ? {} : { notEquals }),
    ...(isTrue === true ? { isTrue } : {}),
  };
}

export function nameOf(metadata: { namespace?: string; name?: string; uid?: string }): ObjectName {
  return { namespace: metadata.namespace ?? '', name: metadata.name ?? '', uid: metadata.uid ?? '' };
}
