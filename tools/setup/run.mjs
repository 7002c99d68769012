#!/usr/bin/env node
/**
 * The door of every npm script: sets up what is missing, then runs a script or tool of the repository under the pinned
 * Node. So each of them works on a fresh clone, whatever Node started it.
 *   node tools/setup/run.mjs [--tests | --as-is] <script.ts | name in node_modules/.bin> [arguments…]
 * --tests sets up the tests' tools too; --as-is sets up nothing.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { delimiter } from "node:path";
import { inRoot, pinnedNode, root } from "./places.mjs";
import { reportingErrors, setUp } from "./setup.mjs";
import { SetupError } from "./shell.mjs";

const given = process.argv.slice(2);
const mode = given[0] === "--tests" || given[0] === "--as-is" ? given.shift() : undefined;
const [target, ...rest] = given;

await reportingErrors(async () => {
  if (target === undefined) throw new SetupError("nothing to run: give a script or the name of a tool");
  if (mode !== "--as-is") await setUp({ tests: mode === "--tests", tolerant: true });
  else if (!existsSync(pinnedNode)) throw new SetupError("this clone is not set up yet: npm run setup");
  process.exitCode = await run(target, rest);
});

async function run(name, args) {
  const isScript = /\.(ts|mjs|js)$/.test(name);
  if (isScript && !existsSync(inRoot(name))) throw new SetupError(`there is no ${name} in this clone`);
  const [command, commandArgs] = isScript
    ? [pinnedNode, [inRoot(name), ...args]]
    : [inRoot("node_modules", ".bin", name), args];
  const env = { ...process.env, PATH: `${inRoot("node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}` };
  const child = spawn(command, commandArgs, { cwd: root, env, stdio: "inherit" });
  // A terminal sends ^C to the whole group; the others reach only us and are passed on. Either way the child decides.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}
