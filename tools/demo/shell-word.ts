/** Words in lines that people paste into a shell. */

/** One word as a shell takes it: bare when it can be, else quoted, the way people would. Pure. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./~-]+$/.test(text) && !text.startsWith("~")) return text;
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", `'\\''`)}'` : `"${text}"`;
}
