import { labels } from '../../api/names.ts';
import { childLabels, type RunTemplate, runTemplate } from './cronjob.ts';
import type { DefinitionInput } from './definition.ts';
import { runDocumentOf } from './exportdocument.ts';
import { allowedJobFields } from './jobfields.ts';
import { ledgerMount } from './ledger.ts';
import { podTemplate } from './podtemplate.ts';
import type { Settings } from './settings.ts';
import { sourceMount } from './sourcemount.ts';

/** Today's template of the runs of an export that `definitionFault` found no fault with. */
export function exportTemplate(input: DefinitionInput, settings: Settings): RunTemplate | undefined {
  const run = runDocumentOf(input, settings);
  const { export: resource, connection } = input;
  if (!run || !connection) return undefined;
  const { job } = resource.spec;
  const connectionUid = connection.metadata.uid ?? '';
  const ledger = ledgerMount(connection);
  const pod = podTemplate(
    {
      run,
      credentialsSecret: connection.spec.credentialsSecretRef.name,
      source: sourceMount(resource.spec),
      ...(ledger ? { ledger } : {}),
      labels: { ...childLabels(resource), [labels.connectionUid]: connectionUid },
      ...(job?.resources ? { resources: job.resources } : {}),
      ...(job?.nodeSelector ? { nodeSelector: job.nodeSelector } : {}),
      listed: allowedJobFields(job, settings),
    },
    settings,
  );
  return runTemplate(resource, pod, connectionUid);
}
