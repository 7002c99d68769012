/** Picks the prose out of documents: what is left reads like a book, without tables, code and lists. Pure. */

/** Shorter ones are headings, list entries and single sentences. */
const LEAST_CHARACTERS = 160;
/** Words as they stand in prose, against everything else that stands between spaces. */
const WORD = /^["'(“‘]*[A-Za-z]+(['’-][A-Za-z]+)*[.,;:!?)"'”’]*$/;

/** The paragraphs that read like prose, each on lines of its own as it was broken, without indentation. */
export function proseOf(document: string): string[] {
  return document
    .replaceAll("\r\n", "\n")
    .split(/\n[ \t]*(?:[.*#/%;>-]*[ \t]*\n)+/)
    .map(withoutMargins)
    .filter(readsLikeProse);
}

/** Takes off what stands before each line: indentation, comment signs. */
function withoutMargins(paragraph: string): string {
  return paragraph
    .split("\n")
    .map((line) =>
      line
        .replace(/^[\s*#/%;>|]+/, "")
        .replace(/[\s*]+$/, "")
        .replace(/[ \t]+/g, " "),
    )
    .join("\n")
    .trim();
}

function readsLikeProse(paragraph: string): boolean {
  if (paragraph.length < LEAST_CHARACTERS) return false;
  const words = paragraph.split(/\s+/);
  const proper = words.filter((word) => WORD.test(word));
  const lowerCase = proper.filter((word) => /^["'(“‘]*[a-z]/.test(word));
  return proper.length > 0.92 * words.length && lowerCase.length > 0.75 * words.length && /[.:;)"”]$/.test(paragraph);
}
