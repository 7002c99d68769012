/** JSON that is looked into by SQL. */
import { invalidInput } from "@spell/domain";

/** Escapes that not every database reads: NUL, and halves of characters that stand alone. */
const UNREADABLE = /\\u(?:0000|d[89a-f])/;

/** The value as text. Throws for NUL in one of its texts; half a character becomes what it is written as outside of JSON. */
export function searchableJson(value: unknown): string {
  const text = JSON.stringify(value);
  return UNREADABLE.test(text) ? JSON.stringify(value, readable) : text;
}

function readable(key: string, value: unknown): unknown {
  if (key.includes("\0") || (typeof value === "string" && value.includes("\0"))) {
    throw invalidInput(
      "A text of the run holds a NUL character, which no program can be given: leave it out.",
      "nul-in-text",
    );
  }
  return typeof value === "string" ? value.toWellFormed() : value;
}
