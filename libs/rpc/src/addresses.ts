/** Where coordinators are: `HOST:PORT`, or several of them with commas between, of which one leads and the others stand by. */
import { invalidInput } from "@spell/domain";

const DEFAULT_PORT = "7800";

/** `HOST:PORT`, checked; the port is 7800 when left out. Throws `invalid-input`. */
export function parseAddress(text: string): string {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/@,]+)(?::([0-9]{1,5}))?$/.exec(text.trim());
  const port = Number(match?.[2] ?? DEFAULT_PORT);
  if (!match?.[1] || port < 1 || port > 65_535) {
    throw invalidInput(
      `"${text}" is not an address of a coordinator: write HOST:PORT, for example 127.0.0.1:7800.`,
      "bad-address",
    );
  }
  return `${match[1]}:${port}`;
}

/** Each address once, in the order given. Throws `invalid-input` for one that is none, and where there is none at all. */
export function parseAddresses(text: string): string[] {
  return [...new Set(text.split(",").map(parseAddress))];
}
