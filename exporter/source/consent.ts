import type { Consent } from '../../api/rundocument.ts';

const meansTrue: readonly string[] = ['true', 'yes', '1'];

/**
 * Whether a value of the consent field, as text, means consent. It fails closed: a
 * value that is missing or empty never does, whatever is asked for. Compared
 * without the white space around it and without regard to case.
 */
export function consentRule({ equals, notEquals, isTrue }: Consent): (value: string) => boolean {
  const asked = equals === undefined ? undefined : plain(equals);
  const refused = notEquals === undefined ? undefined : plain(notEquals);
  return (value) => {
    const given = plain(value);
    if (given === '') return false;
    if (asked !== undefined) return given === asked;
    if (refused !== undefined) return given !== refused;
    return isTrue === true && meansTrue.includes(given);
  };
}

function plain(text: string): string {
  return text.trim().toLowerCase();
}
