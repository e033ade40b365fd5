import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { tokenAudiences } from '../../api/names.ts';
import { defined } from './fields.ts';
import type { SourceMount } from './podtemplate.ts';

/** What the pod of an export has mounted for its source, and as whom it runs. */
export function sourceMount({ source, job }: CriteoSegmentExport['spec']): SourceMount {
  const { file, s3, azureBlob, postgresql, customerInsights } = source;
  return defined({
    claim: file?.persistentVolumeClaim.claimName,
    secret: (s3 ?? azureBlob ?? postgresql ?? customerInsights)?.credentialsSecretRef?.name,
    caSecret: postgresql?.caSecretRef?.name,
    serviceAccount: job?.serviceAccountName,
    tokenAudience: audienceOf(source),
  });
}

function audienceOf({ s3, azureBlob, customerInsights }: CriteoSegmentExport['spec']['source']) {
  if (s3?.workloadIdentity) return tokenAudiences.aws;
  const isAzure = azureBlob?.workloadIdentity ?? customerInsights?.workloadIdentity;
  return isAzure ? tokenAudiences.azure : undefined;
}
