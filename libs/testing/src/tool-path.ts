/** Where the real servers and helpers lie that the set-up installed. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Root of the repository. */
export const repositoryRoot = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

/** The path of nats-server, bwrap or minio: from `.cache/bin` of the repository, else from PATH. Throws with the cure. */
export function toolPath(name: "nats-server" | "bwrap" | "minio"): string {
  const folders = [join(repositoryRoot, ".cache", "bin"), ...(process.env["PATH"] ?? "").split(delimiter)];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not installed: run "npm run setup -- --tests" once`);
  return found;
}
