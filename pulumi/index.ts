export type {
  WrittenCriteoConnectionSpec,
  WrittenCriteoSegmentExportSpec,
} from '../api/generated/written.ts';
export { CriteoConnection, type CriteoConnectionArgs } from './connection.ts';
export { CriteoExportController } from './controller.ts';
export type {
  ControllerResources,
  CriteoExportControllerArgs,
  MonitoringArgs,
} from './controllerargs.ts';
export { CriteoCredentials, type CriteoCredentialsArgs } from './credentials.ts';
export type { Inputs } from './inputs.ts';
export { CriteoSegmentExport, type CriteoSegmentExportArgs } from './segmentexport.ts';
