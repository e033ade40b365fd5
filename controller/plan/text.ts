/**
 * The beginning of a text, at most `max` UTF-16 units long. Half a character at
 * the cut would come back from the API server as another one, and what is
 * compared with what was written would differ for ever.
 */
export function cut(text: string, max: number): string {
  return text.slice(0, max).toWellFormed();
}
