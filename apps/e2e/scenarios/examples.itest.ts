/** The examples that users know by name, as their READMEs start them. */
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@spell/testing";
import { expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { python } from "../support/python.ts";
import { readLog, userLines } from "../support/records.ts";

/** A copy of an example, as a user has one of their own. */
function copyOf(example: string, farm: Farm): string {
  const folder = join(farm.folder, example);
  cpSync(join(repositoryRoot, "examples", example), folder, {
    recursive: true,
    filter: (path) => !path.includes("__pycache__"),
  });
  return folder;
}

test("simple: a run mounts what another one wrote", { timeout: 60_000 }, async () => {
  await using farm = await Farm.start();
  const cwd = copyOf("simple", farm);
  const { stderr, exitCode } = await farm.spell(["workflow", "create", "python workflow.py"], { cwd });
  expect({ stderr, exitCode }, farm.said()).toEqual({ stderr: "", exitCode: 0 });
  expect(userLines(await readLog(farm.place, 1))).toEqual([
    ...["workflow 1", "run 2 writes numbers.txt", "run 3 reads it"],
    "10 numbers, the last is 10",
  ]);
  const alone = await python(farm.place, readFileSync(join(cwd, "workflow.py"), "utf8"));
  expect(alone.stderr).toBe("");
  expect(alone.stdout).toMatch(/^no workflow\n[^]*\n10 numbers, the last is 10\n$/);
});

test("with-metrics: a training is stopped when its loss is small enough", { timeout: 60_000 }, async () => {
  await using farm = await Farm.start();
  const cwd = copyOf("with-metrics", farm);
  const words = ["workflow", "create", "--repo", "line=.", "python workflow.py"];
  const { stderr, exitCode } = await farm.spell(words, { cwd });
  expect({ stderr, exitCode }, farm.said()).toEqual({ stderr: "", exitCode: 0 });
  expect(userLines(await readLog(farm.place, 1))).toEqual([
    ...["run 2 trains", "run 2 is stopped"],
    expect.stringMatching(/^the loss fell from 13\.\d\d to less than 0\.5 in \d+ steps$/),
    expect.stringMatching(/^y = \d\.\d x \+ \d\.\d$/),
  ]);
});

test("video-generation: a second start takes the first three stages as they are", { timeout: 120_000 }, async () => {
  await using farm = await Farm.start();
  const cwd = copyOf("video-generation", farm);
  const workflow = async (master: number, variables: readonly string[]): Promise<string[]> => {
    const args = ["workflow", "create", "--repo", "video=.", ...variables.flatMap((each) => ["-e", each])];
    const { stderr, exitCode } = await farm.spell([...args, "python workflow.py"], { cwd });
    expect({ stderr, exitCode }, farm.said()).toEqual({ stderr: "", exitCode: 0 });
    return userLines(await readLog(farm.place, master));
  };
  expect(await workflow(1, ["FRAMES=4"])).toEqual([
    ...["swing: run 2", "draw: run 3", "glow: run 4", "film: run 5"],
    expect.stringMatching(/^film\.gif: 4 pictures, \d+ bytes$/),
    "Fetch it: spell cp runs/5/film.gif",
  ]);
  expect((await workflow(6, ["FRAMES=4", "SPEED=50"])).slice(0, 4)).toEqual([
    ...["swing: run 2, done before", "draw: run 3, done before", "glow: run 4, done before", "film: run 7"],
  ]);
  expect((await workflow(8, ["FRAMES=5"])).slice(0, 2)).toEqual(["swing: run 9", "draw: run 10"]);
});
