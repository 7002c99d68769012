/** `--param NAME=VALUE`. Pure. */
import { argumentError } from "./exit-codes.ts";

/** Parses all of them. Numbers are numbers only where that changes no letter of the command. Throws exit code 3. */
export function parseParams(pairs: readonly string[]): Record<string, string | number> {
  const params = new Map<string, string | number>();
  for (const pair of pairs) {
    const end = pair.indexOf("=");
    if (end < 1) throw argumentError(`--param "${pair}" cannot be understood: write --param NAME=VALUE.`);
    const name = pair.slice(0, end);
    if (params.has(name)) throw argumentError(`--param ${name} is given twice. Each name has one value.`);
    params.set(name, textOrNumber(pair.slice(end + 1)));
  }
  return Object.fromEntries(params);
}

function textOrNumber(text: string): string | number {
  const number = Number(text);
  return Number.isFinite(number) && String(number) === text ? number : text;
}
