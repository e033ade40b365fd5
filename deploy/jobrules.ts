import { group, labels, managedBy, paths, tokenAudiences } from '../api/names.ts';
import type { Settings } from '../controller/plan/settings.ts';
import { cel, onlyFields, type Validation } from './admissionpolicy.ts';

/**
 * The rules for Jobs and CronJobs of the controller's. They are written by hand and
 * not derived from controller/plan/podtemplate.ts: a mistake there must not widen
 * them. What is not listed is refused, so that a field of a later Kubernetes is, too.
 */

const isOurs = (object: string): string =>
  `${object}.metadata.?labels[?${cel(labels.managedBy)}].orValue("") == ${cel(managedBy)}`;
const isCronJob = 'request.resource.resource == "cronjobs"';
/** dyn: the fields of a Job and a CronJob are not told apart when the expressions are checked. */
const specOf = (object: string): string => `dyn(${object}).spec`;

export const jobVariables = {
  /** What the pods come from; of a CronJob with the Job's own fields. */
  template: `${isCronJob} ? ${specOf('object')}.jobTemplate : ${specOf('object')}.template`,
  oldTemplate: `${isCronJob} ? ${specOf('oldObject')}.jobTemplate : ${specOf('oldObject')}.template`,
  /**
   * It goes, or it is held and makes nothing new: that must always be allowed, also for
   * the Jobs of an image of before an upgrade.
   */
  rests:
    'request.operation == "DELETE" || (request.operation == "UPDATE" && object.spec.?suspend.orValue(false) && variables.template == variables.oldTemplate)',
  job: `${isCronJob} ? variables.template.spec : ${specOf('object')}`,
  podTemplate: 'variables.job.template',
  pod: 'variables.podTemplate.spec',
  podSecurity: 'variables.pod.?securityContext.orValue({})',
  container: 'variables.pod.containers[0]',
  security: 'variables.container.?securityContext.orValue({})',
};

export function jobRules(settings: Settings): Validation[] {
  const rules: Validation[] = [
    ...jobFieldRules,
    ...podRules(settings),
    ...containerRules(settings),
    ...volumeRules(settings),
  ];
  return [
    {
      expression: `(object == null || ${isOurs('object')}) && (oldObject == null || ${isOurs('oldObject')})`,
      message: `The controller touches only Jobs and CronJobs with the label ${labels.managedBy}: ${managedBy}.`,
    },
    ...rules.map(({ expression, ...rest }) => ({
      expression: `variables.rests || (${expression})`,
      ...rest,
    })),
  ];
}

/** The message names what is not among them: it may be a webhook's. */
function knownFields(object: string, whose: string, fields: readonly string[]): Validation {
  const message = `Fields that ${whose} do not have`;
  return {
    expression: onlyFields(object, fields),
    message: `${message}.`,
    messageExpression: `${cel(`${message}: `)} + ${object}.filter(field, !(field in ${cel(fields)})).join(", ") + "."`,
  };
}

const jobFieldRules: Validation[] = [
  knownFields('variables.job', "the controller's Jobs", [
    'activeDeadlineSeconds',
    'backoffLimit',
    'completionMode',
    'completions',
    'manualSelector',
    'parallelism',
    'podFailurePolicy',
    'podReplacementPolicy',
    'selector',
    'suspend',
    'template',
    'ttlSecondsAfterFinished',
  ]),
  {
    // By a selector of its own a Job takes over, and removes, pods of others.
    expression: '!variables.job.?manualSelector.orValue(false)',
    message: "The controller's Jobs choose no pods by a selector of their own.",
  },
  {
    expression: 'variables.job.?parallelism.orValue(1) == 1 && variables.job.?completions.orValue(1) == 1',
    message: "The controller's Jobs have one pod at a time.",
  },
];

function podRules(settings: Settings): Validation[] {
  return [
    {
      // A label makes a pod another Service's endpoint; labels and annotations ask webhooks for containers and tokens.
      expression: `variables.podTemplate.metadata.?labels.orValue({}).all(key, ${isPodLabel(settings)}) && variables.podTemplate.metadata.?annotations.orValue({}).all(key, key.startsWith("${group}/"))`,
      message: `The controller's pods have labels and annotations of ${group} only, and labels that --allowed-job-label names.`,
    },
    {
      // One without a key tolerates every taint, and is on no list.
      expression: `variables.pod.?tolerations.orValue([]).all(toleration, toleration.?key.orValue("") in ${cel(settings.allowedTolerations)})`,
      message: 'The pods tolerate a taint that --allowed-toleration does not name.',
    },
    {
      expression: `variables.pod.?priorityClassName.orValue("") in ${cel(['', ...settings.allowedPriorityClasses])}`,
      message: 'priorityClassName is one that --allowed-priority-class does not name.',
    },
    knownFields('variables.pod', "the controller's pods", podFields),
    {
      expression: 'variables.pod.containers.size() == 1',
      message: "The controller's pods have one container.",
    },
    {
      expression: '!variables.pod.?automountServiceAccountToken.orValue(true)',
      message: "The controller's pods have automountServiceAccountToken: false.",
    },
    {
      expression: `variables.pod.?imagePullSecrets.orValue([]).all(secret, secret.name in ${cel(settings.imagePullSecrets)})`,
      message: 'imagePullSecrets name a Secret that --image-pull-secret does not.',
    },
    {
      expression: [
        onlyFields('variables.podSecurity', [
          'fsGroup',
          'fsGroupChangePolicy',
          'runAsGroup',
          'runAsNonRoot',
          'runAsUser',
          'seccompProfile',
        ]),
        'variables.podSecurity.?runAsNonRoot.orValue(false)',
        'variables.podSecurity.?runAsUser.orValue(0) > 0',
        'variables.podSecurity.?seccompProfile.?type.orValue("") == "RuntimeDefault"',
      ].join(' && '),
      message: "The controller's pods run as no root user, with the seccomp profile RuntimeDefault.",
    },
  ];
}

/** CEL on `key`. */
function isPodLabel({ allowedJobLabels }: Settings): string {
  const prefixes = [`${group}/`, ...allowedJobLabels.filter((allowed) => allowed.endsWith('/'))];
  const keys = [...podLabels, ...allowedJobLabels.filter((allowed) => !allowed.endsWith('/'))];
  return [...prefixes.map((prefix) => `key.startsWith(${cel(prefix)})`), `key in ${cel(keys)}`].join(' || ');
}

/** Those that the Job controller puts on, and the one of the project's own that has no prefix of ours. */
const podLabels = [
  labels.managedBy,
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
  'controller-uid',
  'job-name',
];

/** A service account is among them: it gives its name to tokens of two audiences, by the rule on volumes. */
const podFields = [
  'affinity',
  'automountServiceAccountToken',
  'containers',
  'dnsPolicy',
  'enableServiceLinks',
  'imagePullSecrets',
  'nodeSelector',
  'priorityClassName',
  'restartPolicy',
  'schedulerName',
  'securityContext',
  'serviceAccount',
  'serviceAccountName',
  'terminationGracePeriodSeconds',
  'tolerations',
  'volumes',
];

function containerRules({ image, proxy }: Settings): Validation[] {
  const values = Object.fromEntries(
    Object.entries({ HTTPS_PROXY: proxy.https, HTTP_PROXY: proxy.http, NO_PROXY: proxy.no }).flatMap(
      ([name, value]) => (value === undefined ? [] : [[name, value]]),
    ),
  );
  return [
    {
      expression: `variables.container.image == ${cel(image)}`,
      message: `The controller's Jobs run the image that it was installed with, and no other: ${image}.`,
    },
    {
      expression: `variables.container.?command.orValue([]) == ${cel(['node', '/app/exporter.mjs'])}`,
      message: "The controller's Jobs run the exporter, and no other command.",
    },
    knownFields('variables.container', "the controller's containers", containerFields),
    {
      // NODE_OPTIONS alone would run any code; a Secret would be in an environment.
      expression: `variables.container.?env.orValue([]).all(e, has(e.valueFrom) ? e.name == "SEGMENTEXPORT_RUN_ID" && ${onlyFields('e.valueFrom', ['fieldRef'])} : e.name in ${cel(values)} && e.?value.orValue("") == ${cel(values)}[e.name])`,
      message:
        "The container's environment is the run's name, and the proxy that the controller was installed with.",
    },
    {
      expression: [
        onlyFields('variables.security', [
          'allowPrivilegeEscalation',
          'capabilities',
          'readOnlyRootFilesystem',
        ]),
        '!variables.security.?allowPrivilegeEscalation.orValue(true)',
        'variables.security.?readOnlyRootFilesystem.orValue(false)',
        'variables.security.?capabilities.?drop.orValue([]) == ["ALL"]',
        '!has(variables.security.capabilities.add)',
      ].join(' && '),
      message: 'The container has no privileges, no capabilities, and a root file system that is read only.',
    },
    {
      expression: `variables.container.terminationMessagePath == ${cel(paths.terminationMessage)}`,
      message: `The report is at ${paths.terminationMessage}.`,
    },
  ];
}

const containerFields = [
  'command',
  'env',
  'image',
  'imagePullPolicy',
  'name',
  'resources',
  'securityContext',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'volumeMounts',
];

function volumeRules({ caBundleConfigMap }: Settings): Validation[] {
  const audiences = cel(Object.values(tokenAudiences));
  const kinds = ['downwardAPI', 'name', 'persistentVolumeClaim', 'projected', 'secret'];
  return [
    {
      expression: `variables.pod.?volumes.orValue([]).all(volume, ${onlyFields('volume', [...kinds, 'configMap'])})`,
      message:
        "The controller's volumes are the run document, Secrets, volume claims, tokens for clouds, and the CA bundle.",
    },
    {
      expression: `variables.pod.?volumes.orValue([]).all(volume, !has(volume.configMap) || volume.configMap.name == ${cel(caBundleConfigMap ?? '')})`,
      message: 'A volume is of a ConfigMap that --ca-bundle-configmap does not name.',
    },
    {
      // Else a missing one hangs the pod, and no report says why.
      expression:
        'variables.pod.?volumes.orValue([]).all(volume, !has(volume.secret) || volume.secret.?optional.orValue(false))',
      message: 'Volumes of Secrets are optional.',
    },
    {
      // No token without an audience, and none of the API server's.
      expression: `variables.pod.?volumes.orValue([]).all(volume, volume.?projected.?sources.orValue([]).all(source, ${onlyFields('source', ['serviceAccountToken'])} && source.serviceAccountToken.?audience.orValue("") in ${audiences}))`,
      message: `Projected volumes hold tokens for ${Object.values(tokenAudiences).join(' and ')} only.`,
    },
    {
      expression: `variables.container.?volumeMounts.orValue([]).all(mount, ${onlyFields('mount', ['mountPath', 'name', 'readOnly'])} && mount.mountPath.startsWith("/run/segmentexport/") && !mount.mountPath.contains(".."))`,
      message: 'Volumes are mounted below /run/segmentexport, as a whole.',
    },
    {
      expression: `variables.container.?volumeMounts.orValue([]).all(mount, mount.?readOnly.orValue(false) || mount.mountPath == ${cel(paths.ledger)})`,
      message: `Volumes are mounted read only, but for the ledger's at ${paths.ledger}.`,
    },
  ];
}
