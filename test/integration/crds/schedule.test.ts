import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { ApiServer, installCrds } from '../../support/apiserver.ts';
import { collectionOf } from './manifests.ts';

/**
 * An export's schedule becomes a CronJob's. What the export is accepted with,
 * the CronJob must be accepted with too, or the controller could not make it.
 */

let controlPlane: ControlPlane;
let server: ApiServer;

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false });
  server = new ApiServer(controlPlane);
  await installCrds(controlPlane);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await controlPlane?.stop();
});

const crons: [cron: string, accepted: boolean][] = [
  ['0 4 * * *', true],
  ['  0\t4  * * *  ', true],
  ['0 4 * * *\n', true],
  ['? ? ? ? ?', true],
  ['*/15 * * * *', true],
  ['5/15 * * * *', true],
  ['?/15 * * * *', true],
  ['*/100 * * * *', true],
  ['00 04 01 01 00', true],
  ['0000 4 * * *', true],
  ['59 23 31 12 6', true],
  ['0,30 8-17/2 1,15 * 1-5', true],
  ['0 4 * jan-dec sun-sat', true],
  ['0 4 * JAN,Jul Mon-FRI', true],
  ['0 4 * 1-dec 1-fri', true],
  ['0 4 * * mon-5/2', true],
  ['0 4 31 2 *', true],
  ['0-0 4 * * *', true],
  ['@hourly', true],
  ['@daily', true],
  ['@midnight', true],
  ['@weekly', true],
  ['@monthly', true],
  ['@yearly', true],
  ['@annually', true],
  ['@every 1h', true],
  ['@every 1h30m10s', true],
  ['@every 0.5h', true],
  ['@every 10ms', true],
  ['@every 0', true],
  ['', false],
  [' ', false],
  ['* * * *', false],
  ['0 0 4 * * *', false],
  ['0 4 * * * 2026', false],
  ['60 4 * * *', false],
  ['0 24 * * *', false],
  ['0 4 0 * *', false],
  ['0 4 32 * *', false],
  ['0 4 * 0 *', false],
  ['0 4 * 13 *', false],
  ['0 4 * * 7', false],
  ['0 4 * * sunday', false],
  ['0 4 * january *', false],
  ['0 4 * mon *', false],
  ['jan 4 * * *', false],
  ['0 4 * * jan', false],
  ['0 4 L * *', false],
  ['0 4 15W * *', false],
  ['0 4 * * 5#3', false],
  ['30-10 4 * * *', false],
  ['0 17-8 * * *', false],
  ['0 4 * * fri-mon', false],
  ['0 4 * * 6-mon', false],
  ['0 4 * dec-1 *', false],
  ['0 4 10-9 * *', false],
  ['0 009-08 * * *', false],
  ['*/0 4 * * *', false],
  ['0/00 4 * * *', false],
  ['*/-1 4 * * *', false],
  ['*/x 4 * * *', false],
  ['1/2/3 4 * * *', false],
  ['1-2-3 4 * * *', false],
  ['-1 4 * * *', false],
  ['1- 4 * * *', false],
  ['1.5 4 * * *', false],
  ['** 4 * * *', false],
  ['@reboot', false],
  ['@Daily', false],
  ['@daily ', false],
  [' @daily', false],
  ['@every', false],
  ['@every ', false],
  ['@every  1h', false],
  ['@every 1d', false],
  ['@every 1h ', false],
  ['@every 9999999h', false],
  ['TZ=UTC 0 4 * * *', false],
  ['CRON_TZ=Europe/Oslo 0 4 * * *', false],
  ['0 4 * * * TZ', false],
];

/**
 * What a CronJob is accepted with only because its parser overlooks the slip.
 * An export is refused, so that the slip is found.
 */
const slips = [
  '0,,30 4 * * *',
  ',0 4 * * *',
  '0, 4 * * *',
  ', 4 * * *',
  '*-5 4 * * *',
  '?-x 4 * * *',
  '+5 4 * * *',
];

const timeZones: [timeZone: string, accepted: boolean][] = [
  ['Etc/UTC', true],
  ['UTC', true],
  ['GMT', true],
  ['Europe/Oslo', true],
  ['America/Argentina/Buenos_Aires', true],
  ['America/Port-au-Prince', true],
  ['Etc/GMT+5', true],
  ['Etc/GMT-14', true],
  ['EST5EDT', true],
  ['Asia/Kolkata', true],
  ['Europe/Olso', false],
  ['Oslo', false],
  ['CEST', false],
  ['Local', false],
  ['local', false],
  ['LOCAL', false],
  ['europe/oslo', false],
  ['utc', false],
  ['+02:00', false],
  ['-05:00', false],
  ['02:00', false],
  ['UTC+2', false],
  ['Z', false],
  ['', false],
  [' ', false],
  ['Europe', false],
  ['Europe/', false],
  ['/Europe/Oslo', false],
  ['Europe//Oslo', false],
  ['../Europe/Oslo', false],
  ['Europe/../UTC', false],
  ['./UTC', false],
  ['Europe/Oslo ', false],
  ['Europe/Oslo\n', false],
  ['-UTC', false],
  ['zoneinfo.zip', false],
];

interface Answers {
  export: boolean;
  cronJob: boolean;
}

async function answersTo(cron: string, timeZone: string): Promise<Answers> {
  const [asExport, asCronJob] = await Promise.all([
    server.dryRunCreate(collectionOf('CriteoSegmentExport'), segmentExport(cron, timeZone)),
    server.dryRunCreate('/apis/batch/v1/namespaces/default/cronjobs', cronJob(cron, timeZone)),
  ]);
  for (const { status } of [asExport, asCronJob]) expect([201, 422]).toContain(status);
  if (asExport.status === 422) {
    const fields = asExport.body.details?.causes?.map(({ field }) => field) ?? [];
    expect(fields.filter((field) => !field?.startsWith('spec.schedule.'))).toEqual([]);
  }
  return { export: asExport.status === 201, cronJob: asCronJob.status === 201 };
}

describe('spec.schedule.cron', () => {
  it.each(crons)('%j is accepted as a CronJob takes it: %s', async (cron, accepted) => {
    expect(await answersTo(cron, 'Etc/UTC')).toEqual({ export: accepted, cronJob: accepted });
  });

  it.each(slips)('%j is refused, though a CronJob takes it', async (cron) => {
    expect(await answersTo(cron, 'Etc/UTC')).toEqual({ export: false, cronJob: true });
  });
});

describe('spec.schedule.timeZone', () => {
  it.each(timeZones)('%j is accepted as a CronJob takes it: %s', async (timeZone, accepted) => {
    expect(await answersTo('0 4 * * *', timeZone)).toEqual({ export: accepted, cronJob: accepted });
  });
});

function segmentExport(cron: string, timeZone: string): unknown {
  return {
    apiVersion: 'segmentexport.io/v1alpha1',
    kind: 'CriteoSegmentExport',
    metadata: { name: 'newsletter' },
    spec: {
      connectionRef: { name: 'nordic' },
      match: { email: { field: 'email' } },
      source: { file: { persistentVolumeClaim: { claimName: 'data' }, path: 'people.csv' } },
      segments: [{ name: 'high-value' }],
      schedule: { cron, timeZone },
    },
  };
}

function cronJob(schedule: string, timeZone: string): unknown {
  const container = { name: 'export', image: 'example.com/export' };
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'newsletter' },
    spec: {
      schedule,
      timeZone,
      jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } },
    },
  };
}
