/** The coordinators that this agent knows: those it was started with, and those that a coordinator has named; kept on its disk. */
import { readFile } from "node:fs/promises";
import { writeJson } from "./write-json.ts";

/** How the list is kept and grows. */
export interface CoordinatorList {
  /** The one that answered last comes first. */
  addresses: string[];
  /** What a coordinator says; `current`: the one that said it. Gives what is known now. */
  learn(named: readonly string[], current: string): string[];
}

/**
 * What the file holds counts only if it speaks of one that was given: an agent that is sent elsewhere must not go back. A file that
 * cannot be read or written is no reason not to work: the next answer names them again.
 */
export async function openCoordinatorList(path: string, given: readonly string[]): Promise<CoordinatorList> {
  const kept = await read(path);
  let written = JSON.stringify(kept);
  let writing = Promise.resolve();
  const list: CoordinatorList = {
    addresses: unique([...(kept.some((address) => given.includes(address)) ? kept : []), ...given]),
    learn: (named, current) => {
      list.addresses = unique([...(named.includes(current) ? [current] : []), ...named, ...given]);
      const text = JSON.stringify(list.addresses);
      if (text === written) return list.addresses;
      written = text;
      writing = writing.then(() => writeJson(path, JSON.parse(text), { flush: false })).catch(() => undefined);
      return list.addresses;
    },
  };
  return list;
}

async function read(path: string): Promise<string[]> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

function unique(addresses: readonly string[]): string[] {
  return [...new Set(addresses)];
}
