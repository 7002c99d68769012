#!/usr/bin/env node
/**
 * Makes a fresh clone ready: npm packages, Python environment, build; with --tests also what only the tests need.
 * Plain JavaScript without dependencies, because it runs before anything is installed, on any Node from 20 on.
 * A second run finds each step's stamp and returns at once. --force does every step again; --check does none and
 * names those that are not done.
 */
import { pathToFileURL } from "node:url";
import { build } from "./build.mjs";
import { historicalClient, rsync } from "./historical.mjs";
import { nodeModules } from "./node-modules.mjs";
import { versions } from "./places.mjs";
import { python } from "./python.mjs";
import { SetupError, compareVersions } from "./shell.mjs";
import { readStamps, whileLocked, writeStamp } from "./stamps.mjs";
import { minio, systemTools } from "./test-tools.mjs";

const say = (line) => process.stderr.write(`setup: ${line}\n`);

/**
 * Does what is not done yet. Throws a SetupError with what to do when it cannot; when `tolerant`, a step that nothing
 * else needs only complains.
 */
export async function setUp({ tests = false, force = false, tolerant = false } = {}) {
  if (compareVersions(process.versions.node, versions.minimumNode) < 0) {
    throw new SetupError(`Node ${versions.minimumNode} or newer is needed to start; this is ${process.versions.node}.`);
  }
  const steps = allSteps(tests);
  if (!force && pending(steps).length === 0) return;
  // Asked again under the lock: another set-up may have done it while we waited.
  await whileLocked(() => doSteps(force ? steps : pending(steps), tolerant), say);
}

function allSteps(tests) {
  return [nodeModules, python, build, ...(tests ? [systemTools, minio, rsync, historicalClient] : [])];
}

function check(tests) {
  const names = pending(allSteps(tests)).map((step) => step.name);
  if (names.length > 0) throw new SetupError(`not up to date: ${names.join(", ")}`);
}

function pending(steps) {
  const stamps = readStamps();
  return steps.filter((step) => stamps[step.name] !== step.key() || !step.isThere());
}

async function doSteps(steps, tolerant) {
  for (const step of steps) {
    const startedAt = Date.now();
    say(`${step.name} (${step.hint}) …`);
    try {
      await step.run();
    } catch (error) {
      if (!tolerant || !step.mayFail || !(error instanceof SetupError)) throw error;
      say(`${error.message}\nsetup: going on without it`);
      continue;
    }
    writeStamp(step.name, step.key());
    say(`${step.name}: ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  }
}

/** Runs `main` and turns a SetupError into one message and exit code 1. */
export async function reportingErrors(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const known = new Set(["--tests", "--force", "--check"]);
  const unknown = process.argv.slice(2).filter((argument) => !known.has(argument));
  await reportingErrors(async () => {
    if (unknown.length > 0) throw new SetupError(`unknown option ${unknown[0]}; known: ${[...known].join(", ")}`);
    if (process.argv.includes("--check")) return check(process.argv.includes("--tests"));
    await setUp({ tests: process.argv.includes("--tests"), force: process.argv.includes("--force") });
    say("ready");
  });
}
