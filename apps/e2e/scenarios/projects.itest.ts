/** Runs gathered in projects from the command line. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Farm } from "../support/farm.ts";
import { python } from "../support/python.ts";

let farm: Farm;
/** A folder without files: what runs take along. */
let code = "";
beforeAll(async () => {
  farm = await Farm.start({ args: ["--executor", "dummy"] });
  code = join(farm.folder, "code");
  mkdirSync(code);
});
afterAll(() => farm[Symbol.asyncDispose]());

const project = (...words: string[]) => farm.spell(["project", ...words]);
const fails = (exitCode: number, sentence: string) => ({
  exitCode,
  stdout: "",
  stderr: expect.stringContaining(sentence),
});

async function newRun(...options: string[]): Promise<number> {
  const args = ["run", "-b", "-f", "--json", ...options, "true"];
  const result = await farm.spell(args, { cwd: code });
  expect(result.stderr).toBe("");
  return (JSON.parse(result.stdout) as { id: number }).id;
}

async function idsIn(name: string): Promise<number[]> {
  const listed = JSON.parse((await farm.spell(["ps", "--json", "-p", name])).stdout) as { id: number }[];
  return listed.map(({ id }) => id);
}

it("a project is made, described, edited, archived and taken back", async () => {
  const first = await newRun();
  expect(await project("create", "-n", "Speech", "-d", "what we say", "-r", String(first))).toEqual({
    ...{ exitCode: 0, stdout: "💫 Created project 'Speech'\n", stderr: "" },
  });
  expect(await project("create", "-n", "SPEECH")).toEqual(fails(1, 'You have a project named "Speech" already.'));
  const day = "\\d+ \\w+ ago";
  expect((await project("get", "speech")).stdout).toMatch(
    new RegExp(
      `^Name +Speech\nDescription +what we say\nCreator +\\S+\nCreated At +${day}\n\nCurrent Speech Runs:\nID .*\n${first} .+\n$`,
    ),
  );
  expect(await project("edit", "speech", "-n", "Voice")).toMatchObject({ stdout: "💫 Successfully edited project\n" });
  expect(await project("edit", "voice")).toEqual(fails(2, "either a name or a description"));
  expect((await project("list")).stdout).toMatch(
    new RegExp(`^NAME +DESCRIPTION +CREATOR +TOTAL RUNS +CREATED AT\nVoice +what we say +\\S+ +1 +${day}\n$`),
  );
  expect((await farm.spell(["info", String(first)])).stdout).toMatch(/^Project +Voice$/m);
  expect(await project("archive", "Voice")).toMatchObject({ stdout: "💫 Successfully archived project Voice\n" });
  expect(JSON.parse((await project("list", "--json")).stdout)).toEqual([]);
  expect((await project("list", "--archived")).stdout).toMatch(/ARCHIVED AT\nVoice /);
  expect(await project("get", "Voice")).toEqual(fails(1, "Unknown project 'Voice'"));
  expect(await project("unarchive", "nope")).toEqual(fails(1, "spell project list --archived"));
  expect(await project("unarchive", "voice")).toMatchObject({ stdout: "💫 Successfully unarchived project voice\n" });
});

it("runs are made in one, and put in and taken out later", async () => {
  await project("create", "-n", "audio");
  const [inside, outside] = [await newRun("-p", "AUDIO"), await newRun()];
  expect(await idsIn("audio")).toEqual([inside]);
  const both = [inside, outside].join(", ");
  expect(await project("add-runs", "audio", String(inside), String(outside))).toMatchObject({
    ...{ exitCode: 0, stdout: `Successfully added runs ${both} to project 'audio'!\n` },
  });
  expect(await idsIn("audio")).toEqual([inside, outside]);
  await project("create", "-n", "video");
  expect(await project("add-runs", "video", String(outside))).toEqual(fails(1, "is in another project"));
  expect(await project("remove-runs", "video", String(outside))).toEqual(fails(1, "is not in this project"));
  expect(await project("add-runs", "video", "99999")).toEqual(fails(1, "There is no run 99999."));
  expect(await project("add-runs", "video", "x")).toEqual(fails(2, "not a number"));
  expect(await project("remove-runs", "audio", String(inside))).toMatchObject({
    ...{ exitCode: 0, stdout: `Successfully removed runs ${inside} from project 'audio'!\n` },
  });
  expect(await idsIn("audio")).toEqual([outside]);
  expect(await farm.spell(["ps", "-p", "nope"])).toEqual(fails(1, "Unknown project 'nope'"));
});

it("a run in a project that is not there asks whether to make it", async () => {
  const ask = (input: string) => farm.spell(["run", "-b", "-f", "-p", "fresh", "true"], { cwd: code, input });
  expect(await ask("n\n")).toEqual(fails(1, "Would you like to create a new one? [y/N]"));
  expect(await ask("")).toEqual(fails(1, "Unknown project 'fresh'"));
  expect(await ask("y\n")).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Casting spell #") });
  expect(await idsIn("fresh")).toHaveLength(1);
});

it("a script puts its runs into a project, and no project is made by a wrong name", async () => {
  await project("create", "-n", "scripted");
  const script = `
import spell.client
client = spell.client.from_environment()
run = client.runs.new(command="true", project="Scripted")
print(run.id, [each.id for each in client.runs.list(project="scripted")])
try:
    client.runs.new(command="true", project="nope")
except Exception as error:
    print(type(error).__name__)
`;
  const { stdout, stderr } = await python(farm.place, script);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^(\d+) \[\1\]\n\w+\n$/);
  expect(await idsIn("scripted")).toHaveLength(1);
  expect((await project("list")).stdout).not.toContain("nope");
});
