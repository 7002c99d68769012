/**
 * `npm run dev`: `spell up` from source with data in .cache/dev and a machine that also counts as a V100; starts anew
 * when a source file changes. Further arguments go to `spell up`. Runs go on over a restart, as they do over a crash.
 */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@spell/testing";

const data = join(repositoryRoot, ".cache", "dev");
mkdirSync(data, { recursive: true });

const watched = ["apps", "libs"].map((folder) => `--watch-path=${join(repositoryRoot, folder)}`);
const main = join(repositoryRoot, "apps", "cli", "src", "main.ts");
const up = ["up", "--data", data, "--machine-type", "V100", ...process.argv.slice(2)];
const child = spawn(process.execPath, [...watched, "--watch-preserve-output", main, ...up], {
  cwd: repositoryRoot,
  stdio: "inherit",
});

// ^C reaches the whole group by itself; the child drains and ends, and we follow it.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.once("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
