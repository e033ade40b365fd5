/** Whether a text that was read back, and may be another release's, is a word of the list. */
export function isIn<Word extends string>(list: readonly Word[], text: string): text is Word {
  return (list as readonly string[]).includes(text);
}
