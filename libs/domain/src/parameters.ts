/** Values in the places that a command names `:NAME:`. Pure. */
import { invalidInput } from "./errors.ts";

/**
 * Puts each value into its places, as text. A name is looked for as written; failing that, without regard to case. Texts
 * between colons that are no parameter stay as they are (`PATH=/a:b:c`). Throws invalid-input for a parameter without a place.
 */
export function substituteParameters(command: string, params: Readonly<Record<string, string | number>>): string {
  const names = Object.keys(params);
  if (names.length === 0) return command;
  const byKey = new Map(names.map((name) => [name.toLowerCase(), name]));
  const used = new Set<string>();
  let result = "";
  let rest = command;
  // One pass from the left: a value that looks like a place is not looked at again.
  for (;;) {
    const match = /:([^:\s]+):/.exec(rest);
    if (match === null) break;
    const asked = match[1] ?? "";
    const name = Object.hasOwn(params, asked) ? asked : byKey.get(asked.toLowerCase());
    if (name === undefined) {
      // The closing colon may open the next place.
      const end = match.index + match[0].length - 1;
      result += rest.slice(0, end);
      rest = rest.slice(end);
      continue;
    }
    used.add(name);
    result += rest.slice(0, match.index) + String(params[name]);
    rest = rest.slice(match.index + match[0].length);
  }
  const missing = names.find((name) => !used.has(name));
  if (missing !== undefined) {
    throw invalidInput(
      `The command has no place for the parameter "${missing}": write :${missing}: where its value belongs.`,
      "unused-parameter",
    );
  }
  return result + rest;
}
