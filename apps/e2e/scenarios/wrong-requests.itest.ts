/** Requests that cannot be fulfilled, as typed on the command line: each is refused with its cause and leaves nothing. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, waitFor } from "@spell/testing";
import type { CommandResult } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { spell } from "../support/spell.ts";
import type { SpellCall, SpellPlace } from "../support/spell.ts";
import { tracesOf } from "../support/traces.ts";
import type { Traces } from "../support/traces.ts";

/** Runs 1 to 4: outputs of all kinds, no outputs, under way, ended by a failure. */
const WRITES = "mkdir save; echo w > save/model.txt; echo o > out.txt; ln -s out.txt link";
const PREPARED = [WRITES, "true", "exec sleep 600", "echo early > early.txt; exit 3"];
const FINALS = ["complete", "failed"] as const;

let farm: Farm;
let code: string;
let before: Traces;

beforeAll(async () => {
  farm = await Farm.start({ args: ["--machine-type", "V100", "--cpu-slots", "4"] });
  code = join(farm.folder, "code");
  mkdirSync(join(code, "lib"), { recursive: true });
  writeFileSync(join(code, "a.py"), "print(1)\n");
  using client = farm.client();
  const runs = [];
  for (const command of PREPARED) runs.push(await client.runs.create({ command }));
  await Promise.all(runs.map((run, index) => (index === 2 ? run.waitStatus("running") : run.waitStatus(...FINALS))));
  await waitFor("only the third to be under way", async () => {
    before = await tracesOf(farm);
    return before.attempts.length === 1;
  });
});
afterAll(() => farm[Symbol.asyncDispose]());

/** What a resource looks like. */
const FORM = "write runs/<id>, uploads/<name> or the alias of a link, then /<path> if need be, without '..'";
const NOT_VALID = (resource: string, why: string): string =>
  `Cannot mount resource "${resource}": not a valid resource (${why}).`;
const mount = (...mounts: string[]): string[] => ["run", ...mounts.flatMap((each) => ["-m", each]), "true"];

describe("refused with exit code and cause, and nothing is left", () => {
  test.each<[args: string[], exitCode: number, stderr: string]>([
    [["run", "  "], 3, "The command is empty: say what to run"],
    [["workflow", "--repo", "lib=lib", ""], 3, "The command is empty: say what to run"],
    [["run", "-t", "H100", "true"], 2, "invalid choice: H100 (choose from CPU, V100)\n"],
    [["run", "-t", "V100x0", "true"], 2, "invalid choice: V100x0 (choose from CPU, V100)\n"],
    [["run", "--cwd", "../..", "true"], 1, '"../.." is not a working directory inside the code'],
    [["run", "--cwd", "none", "true"], 1, 'The code has no folder "code/none" to start in.\n'],
    [["run", "-e", "=x", "true"], 3, "an environment variable needs a name"],
    // Mounts: what is mounted …
    [mount("runs/99"), 1, NOT_VALID("runs/99", "there is no run 99")],
    [mount("runs/1/none.txt"), 1, NOT_VALID("runs/1/none.txt", 'run 1 has no "none.txt"')],
    [mount("runs/1/out.txt/x"), 1, NOT_VALID("runs/1/out.txt/x", 'run 1 has no "out.txt/x"')],
    [mount("runs/2"), 1, NOT_VALID("runs/2", "run 2 wrote no files")],
    [mount("runs/3"), 1, NOT_VALID("runs/3", "run 3 is still running; wait until it has ended")],
    [mount("runs/1/../4"), 1, NOT_VALID("runs/1/../4", FORM)],
    [mount("uploads/data"), 1, NOT_VALID("uploads/data", 'there is no upload "data"')],
    [mount("a:b:c"), 3, '--mount "a:b:c" cannot be understood'],
    // … and where.
    [mount("runs/1/out.txt:../x"), 1, "a mount path may not contain '..'.\n"],
    [mount("runs/1:/"), 1, "choose a folder of its own, for example /data"],
    [mount("runs/1/save:/proc/x"), 1, "choose a folder of its own, for example /data"],
    [
      mount("runs/1/out.txt:/data/x", "runs/4/early.txt:/data/x"),
      1,
      'Cannot mount both "runs/1/out.txt" and "runs/4/early.txt" at /data/x: give one of them another path.\n',
    ],
    [
      mount("runs/1/save:/data/f/inner", "runs/1/out.txt:/data/f"),
      1,
      'Cannot mount both "runs/1/save" and "runs/1/out.txt" at /data/f: give one of them another path.\n',
    ],
    // Labels.
    [["workflow", "--repo", "lib", "true"], 3, "write --repo LABEL=PATH"],
    [["workflow", "--repo", "a=lib", "--repo", "a=lib", "true"], 6, 'The label "a" is given twice'],
    [["workflow", "--repo", "a=nowhere", "true"], 6, "there is no directory nowhere. Clone or create it first.\n"],
    // Numbers of nothing.
    ...["logs", "logs -f", "info", "stop", "kill"].map((words): [string[], number, string] => [
      [...words.split(" "), "77"],
      1,
      "There is no run 77.\n",
    ]),
    [["workflow", "stop", "7"], 1, "There is no workflow 7.\n"],
    [["workflow", "kill", "7"], 1, "There is no workflow 7.\n"],
    // What has ended.
    [["stop", "1"], 1, "Run 1: the run has already ended (complete).\n"],
    [["kill", "4"], 1, "Run 4: the run has already ended (failed).\n"],
  ])("spell %j exits %d", async (args, exitCode, stderr) => {
    const result = await farm.spell(args, { cwd: code });
    expect(result).toMatchObject({ exitCode, stderr: expect.stringContaining(stderr) });
    expect(result.stdout).not.toContain("Casting");
    expect(await tracesOf(farm)).toEqual(before);
  });
});

describe("without a way in", () => {
  const ask = (call: SpellCall, place: SpellPlace = farm.place): Promise<CommandResult[]> =>
    Promise.all([["ps"], ["run", "true"], ["kill", "3"]].map((args) => spell(place, args, { cwd: code, ...call })));

  test("not logged in", async () => {
    for (const { exitCode, stderr } of await ask({}, { ...farm.place, login: join(farm.folder, "nobody") })) {
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: 'No login session found. Please log in ("spell login").\n',
      });
    }
  });

  test("with a token that is not known", async () => {
    for (const { exitCode, stderr } of await ask({ env: { SPELL_TOKEN: "spell_user_0" } })) {
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: "This token is not valid (any more): log in again with spell login.\n",
      });
    }
  });

  test("with nobody at the address", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    for (const { exitCode, stderr } of await ask({ env: { SPELL_COORDINATOR: address } })) {
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`Can't reach Spell at ${address}: nothing listens there. Is the coordinator running`);
    }
  });
});

test("after all that, numbers go on as if nothing had been asked", async () => {
  expect(await tracesOf(farm)).toEqual(before);
  const { stdout } = await farm.spell(["workflow", "-b", "true"], { cwd: code });
  expect(stdout).toContain("Casting workflow #1…\nView logs with `spell logs 5`\n");
});
