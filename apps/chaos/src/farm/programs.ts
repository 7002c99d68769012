/** Where the programs are that a farm is made of. */
import { existsSync, readdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SpellError } from "@spell/domain";
import { searchPath } from "../config.ts";

const CURES = {
  "nats-server": "run `npm run setup`",
  postgres: "install PostgreSQL, or keep the record in a file with --record sqlite",
  minio: "run `npm run setup -- --tests`, or keep the objects in a folder with --store directory",
};

/** The path of a server: the checkout's own, else on PATH. Throws with the cure. */
export function findServer(name: keyof typeof CURES): string {
  const checkout = fileURLToPath(new URL("../../../../.cache/bin", import.meta.url));
  const folders = [checkout, ...searchPath.split(delimiter).filter((folder) => folder !== ""), ...debianFolders()];
  const found = folders.map((folder) => join(folder, name)).find((each) => existsSync(each));
  if (found !== undefined) return found;
  throw new SpellError("unavailable", `${name} is not installed: ${CURES[name]}.`);
}

/** Where Debian keeps PostgreSQL, the newest first. */
function debianFolders(): string[] {
  const folder = "/usr/lib/postgresql";
  if (!existsSync(folder)) return [];
  const versions = readdirSync(folder).sort((one, other) => Number(other) - Number(one));
  return versions.map((version) => join(folder, version, "bin"));
}

/** The command that starts an app of ours, as `spell` starts it. */
export function appCommand(app: "coordinator" | "agent"): string[] {
  const main = fileURLToPath(import.meta.resolve(`@spell/${app}/main`));
  return [process.execPath, "--disable-warning=ExperimentalWarning", "--max-semi-space-size=4", main];
}

/** Compiled code is kept here, so that a part that was killed is back sooner. */
export function appEnvironment(folder: string): Record<string, string> {
  return {
    NODE_COMPILE_CACHE: join(folder, "compiled"),
    PATH: [searchPath, dirname(process.execPath)].join(delimiter),
  };
}
