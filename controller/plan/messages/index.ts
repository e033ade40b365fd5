import type { RunReason } from '../../../api/reasons.ts';
import type { ReportDetails } from '../../../api/report.ts';
import type { Message, MessageContext } from './context.ts';
import { criteoMessages } from './criteo.ts';
import { ledgerMessages } from './ledger.ts';
import { sourceMessages } from './source.ts';
import { codeSentence } from './sourcecodes.ts';

export type { MessageContext, SourceContext } from './context.ts';

/**
 * A message for each code: what was found, and what would be right. The words come
 * from here and from the user's manifest, never from a file or an API.
 */
const messages: Record<RunReason, Message> = {
  ...criteoMessages,
  ...sourceMessages,
  ...ledgerMessages,

  Interrupted: () => 'The pod was ended before the run was done.',
  RunDocumentInvalid: () =>
    "The exporter's image does not understand the controller's run document; give both the same version.",
  InternalError: () =>
    'The exporter failed unexpectedly; this is a defect: please report it with the log of the pod.',
};

/** The message of a code; ends with a full stop. */
export function messageFor(
  reason: RunReason,
  details: ReportDetails | undefined,
  context: MessageContext,
): string {
  const message = messages[reason](details ?? {}, context);
  return reason in sourceMessages ? `${message}${codeSentence(details?.code)}` : message;
}
