/** Finds bubblewrap on this machine and says whether it is new enough. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Overlays came with 0.11. */
const NEEDED_VERSION = [0, 11] as const;

/** Where a checkout of the repository keeps the programs its set-up fetched. */
const CHECKOUT_TOOLS = fileURLToPath(new URL("../../../../../.cache/bin", import.meta.url));

/** The path of bwrap: `SPELL_BWRAP`, else the checkout's own, else on `PATH`; undefined when there is none. */
export function findBwrap(environment: NodeJS.ProcessEnv): string | undefined {
  const named = environment["SPELL_BWRAP"];
  if (named !== undefined && named !== "") return named;
  const folders = [CHECKOUT_TOOLS, ...(environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "")];
  return folders.map((folder) => join(folder, "bwrap")).find((path) => existsSync(path));
}

/** Whether the output of `bwrap --version` names a version with overlays. */
export function isNewEnough(versionOutput: string): boolean {
  const match = /bubblewrap (\d+)\.(\d+)/.exec(versionOutput);
  if (match === null) return false;
  const major = Number(match[1]);
  return major > NEEDED_VERSION[0] || (major === NEEDED_VERSION[0] && Number(match[2]) >= NEEDED_VERSION[1]);
}
