/**
 * An e-mail address in the form in which it is hashed: without white space around
 * it (Unicode's, the no-break space and the byte order mark included), in lower
 * case. Nothing else is changed: Criteo documents trim and lower case, no rule of
 * one provider (dots, tags), and no other form of a name outside ASCII, so such a
 * domain stays in UTF-8 as it was written.
 */
export function normalise(text: string): string {
  return text.trim().toLowerCase();
}

// RFC 5321's dot-string with RFC 6531's characters outside ASCII. Quoted local parts and
// addresses of hosts by number are valid there, but in customer lists they are mistakes.
function formOf(letters: string, flags: string): RegExp {
  const atom = String.raw`[${letters}!#$%&'*+/=?^_\x60{|}~-]+`;
  const label = `[${letters}]+(?:-+[${letters}]+)*`;
  return new RegExp(String.raw`^${atom}(?:\.${atom})*@(?:${label}\.)+(?![0-9]+$)${label}$`, flags);
}

const form = formOf(String.raw`a-z0-9\u{80}-\u{10ffff}`, 'u');
/** The same for addresses within ASCII, which nearly all are: without Unicode it takes an eighth of the time. */
const asciiForm = formOf('a-z0-9', '');
/** White space, control and format characters, unassigned code points: none stands in an address. */
const neverIn = /[\p{Z}\p{C}]/u;

const maxLocalBytes = 64;
const maxAddressBytes = 254;
const maxLabelBytes = 63;

/**
 * Whether a normalised text has the form of an address: one @; a local part of at
 * most 64 octets; a domain with a dot, of labels of at most 63 octets that neither
 * start nor end with a hyphen, the last not a number; at most 254 octets in all.
 */
export function isAddress(text: string): boolean {
  // Before the expressions, so that a cell of a megabyte costs nothing.
  if (text.length > maxAddressBytes) return false;
  const isAscii = asciiForm.test(text);
  if (!isAscii && !(form.test(text) && !neverIn.test(text))) return false;
  const octets = isAscii
    ? (part: string): number => part.length
    : (part: string): number => Buffer.byteLength(part);
  const at = text.indexOf('@');
  if (octets(text) > maxAddressBytes || octets(text.slice(0, at)) > maxLocalBytes) return false;
  const domain = text.slice(at + 1);
  // Most domains are not as long as one label may be.
  return (
    octets(domain) <= maxLabelBytes || domain.split('.').every((label) => octets(label) <= maxLabelBytes)
  );
}
