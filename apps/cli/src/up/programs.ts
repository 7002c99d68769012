/** Where the programs are that `spell up` starts. */
import { existsSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SpellError } from "@spell/domain";

/** The path of nats-server: `SPELL_NATS_SERVER`, else the checkout's own, else on `PATH`. Throws with the cure. */
export function findNatsServer(environment: NodeJS.ProcessEnv): string {
  const named = environment["SPELL_NATS_SERVER"];
  if (named) return named;
  const checkout = join(dirname(appMain("coordinator")), "../../../.cache/bin");
  const folders = [checkout, ...(environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "")];
  const found = folders.map((folder) => join(folder, "nats-server")).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new SpellError(
    "unavailable",
    "nats-server is not installed: run `npm run setup`, or name it in SPELL_NATS_SERVER, or use a running one with --nats.",
  );
}

/**
 * How Node is started, as in bin/spell. Type stripping and the record's driver are announced as experimental at every start; people need
 * not read that. Of young objects V8 would keep up to 128 MiB in memory before it looks which of them are still used; with this
 * bound, which Node 22 had, the peak of a process that sends 20,000 files is 100 MiB lower, and it takes no more processor time.
 */
const NODE_ARGS = ["--disable-warning=ExperimentalWarning", "--max-semi-space-size=16"];

/**
 * The arguments of node that start an app. It lives for long, so its bound is lower (the last one counts): after 60,000 files a
 * coordinator has needed 235 MiB with 4 and 256 with 8, for the same processor time.
 */
export function appArguments(app: "coordinator" | "agent"): string[] {
  return [...NODE_ARGS, "--max-semi-space-size=4", appMain(app)];
}

/**
 * What an app is started with besides the environment of `spell`. An agent starts a process for each run, which costs the more
 * the more memory it holds (1.7 ms at 110 MiB, 3.6 at 250); glibc otherwise keeps what an agent needed while many log lines
 * passed: 294 MiB instead of 140. Compiled code is kept where the command line keeps its own: a coordinator's start takes 0.8 s of
 * processor time instead of 1.2, and 15 MiB less, because no types are stripped.
 */
export function appEnvironment(): Record<string, string> {
  const compiled = getCompileCacheDir();
  return {
    ...{ MALLOC_TRIM_THRESHOLD_: "131072", MALLOC_ARENA_MAX: "1" },
    // Node adds a folder for its own version.
    ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) }),
  };
}

function appMain(app: "coordinator" | "agent"): string {
  return fileURLToPath(import.meta.resolve(`@spell/${app}/main`));
}
