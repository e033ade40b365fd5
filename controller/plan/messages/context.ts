import type { ReportDetails } from '../../../api/report.ts';
import type { RunSource } from '../../../api/rundocument.ts';

/** What a message may speak of: words of the user's own manifests, and numbers. */
export interface MessageContext {
  /** The Secret of the connection. */
  secretName: string;
  apiVersion: string;
  /** `namespace/name` of the export. */
  exportName?: string;
  advertiserId?: string;
  source?: SourceContext;
  /** match.email.field, then its fallbackFields. */
  emailFields?: readonly string[];
  consentField?: string;
  maxProfiles?: number;
  maxSourceAgeSeconds?: number;
  /** Of spec.rowFaultGuard. */
  maxFaultPercent?: number;
  /** Whether runs have a ledger: without one `TakeOver` is no way out. */
  hasLedger?: boolean;
  /** The ledger's volume claim or bucket. */
  ledgerPlace?: string;
  ledgerSecret?: string;
  /** Of spec.removalGuard. */
  maxPercent?: number;
  /** The command by which a person approves the run. */
  approve?: string;
  segment?: { name: string; criteoName: string };
}

/** The source as the run was told of it, and what its pod had mounted for it. */
export interface SourceContext {
  run: RunSource;
  claimName?: string;
  secretName?: string;
  caSecretName?: string;
  serviceAccountName?: string;
}

/** One sentence or a few: what was found, and what would be right; ends with a full stop. */
export type Message = (details: ReportDetails, context: MessageContext) => string;
