// Types apart: compilers of before TypeScript 4.5, Pulumi's own among them, know no `type` within the braces.
export type {
  WrittenCriteoConnectionSpec,
  WrittenCriteoSegmentExportSpec,
} from '../api/generated/written.ts';
export type { CriteoConnectionArgs } from './connection.ts';
export { CriteoConnection } from './connection.ts';
export { CriteoExportController } from './controller.ts';
export type {
  ControllerResources,
  CriteoExportControllerArgs,
  MonitoringArgs,
} from './controllerargs.ts';
export type { CriteoCredentialsArgs } from './credentials.ts';
export { CriteoCredentials } from './credentials.ts';
export type { Inputs } from './inputs.ts';
export type { CriteoSegmentExportArgs } from './segmentexport.ts';
export { CriteoSegmentExport } from './segmentexport.ts';
