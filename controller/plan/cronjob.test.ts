import { describe, expect, test } from 'vitest';
import { annotations, labels } from '../../api/names.ts';
import { parseRunDocument } from '../../api/rundocument.ts';
import { askOf, momentOf, seenAt, triggerOf } from './ask.ts';
import { cronJob, cronJobName } from './cronjob.ts';
import { exportTemplate } from './exporttemplate.ts';
import type { Job } from './kubernetes.ts';
import { approvedJob, plannedJob, replacementJob, requestedJob } from './runjob.ts';
import { at, connection, exportJob, segmentExport, settings, timeAt, token } from './testkit/objects.ts';

const resource = segmentExport();

function templateOf(changed = resource, used = connection(), flags = settings) {
  const template = exportTemplate({ export: changed, connection: used, claimExists: true }, flags);
  if (!template) throw new Error('no template');
  return template;
}

/** As the API server would hold it. */
const born = (job: Job, uid: string, seconds: number): Job => ({
  ...job,
  metadata: { ...job.metadata, uid, creationTimestamp: timeAt(seconds) },
});

describe('a CronJob', () => {
  test('makes held Jobs only, one at a time, and forgets no missed start', () => {
    const { spec } = cronJob(resource, templateOf(), false);
    expect(spec).toMatchObject({ concurrencyPolicy: 'Forbid', startingDeadlineSeconds: 3600, suspend: true });
    expect(spec.jobTemplate.spec.suspend).toBe(true);
    expect(spec.jobTemplate.metadata?.labels).toMatchObject({
      [labels.exportUid]: 'export-uid',
      [labels.connectionUid]: 'connection-uid',
    });
  });

  test('follows the schedule, unless the export rests', () => {
    const schedule = {
      cron: '0 4 * * *',
      timeZone: 'Europe/Oslo',
      jitterSeconds: 0,
      startingDeadlineSeconds: 60,
    };
    const scheduled = segmentExport({ spec: { schedule } });
    expect(cronJob(scheduled, templateOf(scheduled), false).spec).toMatchObject({
      schedule: '0 4 * * *',
      timeZone: 'Europe/Oslo',
      startingDeadlineSeconds: 60,
      suspend: false,
    });
    expect(cronJob(scheduled, templateOf(scheduled), true).spec.suspend).toBe(true);
  });

  test('has a name that Jobs and pods can carry, however the export is called', () => {
    for (const name of ['a', 'a.b', 'x'.repeat(253), '9.-z']) {
      const found = cronJobName(segmentExport({ metadata: { name } }));
      expect(found).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
      expect(found.length).toBeLessThanOrEqual(48);
    }
    expect(cronJobName(segmentExport({ metadata: { name: 'a.b' } }))).not.toBe(
      cronJobName(segmentExport({ metadata: { name: 'a-b', uid: 'b' } })),
    );
  });
});

describe('a template', () => {
  test('tells the run what to do, without a secret', () => {
    const text = templateOf().spec.template.metadata?.annotations?.[annotations.run] ?? '';
    expect(parseRunDocument(text)).toMatchObject({
      kind: 'Export',
      generation: 1,
      advertiserId: '12345',
      maxProfiles: 1_000_000,
    });
    expect(text).not.toContain('criteo-nordic');
  });

  test.each([
    ['the definition', templateOf(segmentExport({ metadata: { generation: 2 } }))],
    ['the Secret', templateOf(resource, connection({ spec: { credentialsSecretRef: { name: 'other' } } }))],
    ['the image', templateOf(resource, connection(), { ...settings, image: 'another' })],
    ['the connection behind the name', templateOf(resource, connection({ metadata: { uid: 'another' } }))],
  ])('is another one when %s was changed', (_, changed) => {
    expect(changed.hash).not.toBe(templateOf().hash);
  });

  test('is the same one as long as nothing was changed', () => {
    expect(templateOf(segmentExport(), connection({ spec: { displayName: 'Criteo' } })).hash).toBe(
      templateOf().hash,
    );
  });

  test('holds the lower limit of the two', () => {
    const text = (own: number | undefined, lent: number) => {
      const lower = segmentExport({ spec: own === undefined ? {} : { maxProfiles: own } });
      return templateOf(lower, connection({ spec: { maxProfiles: lent } })).spec.template.metadata
        ?.annotations?.[annotations.run];
    };
    expect(text(undefined, 7)).toContain('"maxProfiles":7');
    expect(text(5, 7)).toContain('"maxProfiles":5');
    expect(text(9, 7)).toContain('"maxProfiles":7');
  });
});

describe('a Job', () => {
  test('of a request has one name for one value', () => {
    const name = (value: string) => requestedJob(resource, templateOf(), value, at(0)).metadata.name;
    expect(name(timeAt(0))).toBe(name(timeAt(0)));
    expect(name(timeAt(0))).not.toBe(name(timeAt(1)));
  });

  test.each<[string, Job]>([
    ['the schedule', exportJob({ created: 5, scheduled: 0, outdated: true })],
    ['a request', exportJob({ created: 5, request: timeAt(3), outdated: true })],
    ['a person', exportJob({ created: 5, outdated: true })],
  ])('in the place of another one still answers %s, also when it is replaced again', (_, old) => {
    const once = born(replacementJob(resource, templateOf(), old), 'once', 900);
    const later = segmentExport({ metadata: { generation: 2 } });
    const twice = born(replacementJob(later, templateOf(later), once), 'twice', 1800);
    for (const job of [once, twice]) {
      expect([triggerOf(job), askOf(job), momentOf(job)]).toEqual([
        triggerOf(old),
        askOf(old),
        momentOf(old),
      ]);
      expect(job.spec.suspend).toBe(true);
    }
    expect(twice.metadata.name).not.toBe(once.metadata.name);
    expect(replacementJob(resource, templateOf(), old).metadata.name).toBe(once.metadata.name);
  });

  test.each<[string, Job]>([
    ['a request', requestedJob(resource, templateOf(), timeAt(3), at(7))],
    ['a request for a plan', plannedJob(resource, templateOf(), timeAt(3), at(7))],
    ['an approval', approvedJob(resource, templateOf(), { runName: 'run-1', token }, at(7))],
  ])('in the place of another one tells when %s was seen: a resume since does not start it', (_, old) => {
    const instead = born(replacementJob(resource, templateOf(), born(old, 'old', 9)), 'new', 900);
    expect(seenAt(instead)).toBe(at(7));
  });

  test('whose request is ahead of the cluster is as old as itself', () => {
    expect(momentOf(exportJob({ created: 5, request: timeAt(60) }))).toBe(at(5));
  });
});
