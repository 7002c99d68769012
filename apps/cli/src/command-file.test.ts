import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addCommandFile } from "./command-file.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { collect } from "./shared-options.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "spell-command-file-"))));
afterEach(() => rmSync(folder, { recursive: true }));

interface Outcome {
  words: string[];
  options: Record<string, unknown>;
}

/** What a command with options of every kind makes of these words. */
function parsed(...words: string[]): Outcome {
  let outcome: Outcome | undefined;
  const command = new Command("run")
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .argument("<command...>")
    .option("-t, --machine-type <TYPE>")
    .option("-e, --env <NAME=VALUE>", "", collect)
    .option("-n, --number <N>", "", (text) => {
      if (Number.isNaN(Number(text))) throw new InvalidArgumentError("not a number");
      return Number(text);
    })
    .option("-b, --background")
    .option("--trunc", "", true)
    .option("--no-trunc")
    .option("--auto-resume")
    .option("--disable-auto-resume")
    .action((given: string[], options: Record<string, unknown>) => {
      outcome = { words: given, options };
    });
  addCommandFile(command).parse(words, { from: "user" });
  if (outcome === undefined) throw new Error("the command was not called");
  return outcome;
}

function file(content: string, name = "command.yaml"): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** The exit code and message of a refusal. */
function refusal(...words: string[]): { exitCode: number; message: string } {
  try {
    parsed(...words);
  } catch (error) {
    const exitCode = error instanceof CommanderError ? 2 : exitCodeOf(error);
    return { exitCode, message: error instanceof Error ? error.message : "" };
  }
  throw new Error("it was not refused");
}

describe("--from-file", () => {
  const content = `command: python
args: [train.py, --epochs, 5]
machine-type: V100
env: [A=1, B=x=y]
number: 7
background: true
trunc: false
auto-resume: false
`;

  test("gives options and arguments", () => {
    expect(parsed("--from-file", file(content))).toEqual({
      words: ["python", "train.py", "--epochs", "5"],
      options: {
        machineType: "V100",
        env: ["A=1", "B=x=y"],
        number: 7,
        background: true,
        trunc: false,
        disableAutoResume: true,
        fromFile: join(folder, "command.yaml"),
      },
    });
  });

  test("JSON too, and names with underscores", () => {
    const path = file('{"command": "ls", "machine_type": "CPU", "env": "A=1", "background": false}', "c.json");
    expect(parsed("--from-file", path)).toMatchObject({ words: ["ls"], options: { machineType: "CPU", env: ["A=1"] } });
  });

  test("what stands on the command line wins, before and after the option", () => {
    const path = file(content);
    expect(parsed("-t", "CPU", "--from-file", path, "-e", "C=3", "echo", "hi", "-n", "1", "--trunc")).toMatchObject({
      words: ["echo", "hi"],
      options: { machineType: "CPU", env: ["C=3"], number: 1, background: true, trunc: true },
    });
  });

  test("an empty file changes nothing", () => {
    expect(parsed("--from-file", file(""), "ls").words).toEqual(["ls"]);
    expect(refusal("--from-file", file("")).exitCode).toBe(2);
  });

  test.each([
    ["bogus: 1", 2, /there is no option "bogus" of run/],
    ["from-file: x", 2, /there is no option "from-file"/],
    ["__proto__: {a: 1}", 3, /"__proto__" must be a text/],
    ["[a, b]", 3, /must hold names and values/],
    ["just a text", 3, /must hold names and values/],
    ["env: {A: 1}", 3, /"env" must be a text, a number/],
    ["env: [[A]]", 3, /"env" must be a text/],
    ["{{{", 3, /cannot be read/],
    ["number: abc\ncommand: x", 2, /not a number/],
    ["a: &a [*a, *a]", 3, /cannot be read|must be/],
  ])("%j is refused with exit code %d", (text, exitCode, message) => {
    expect(refusal("--from-file", file(text), "ls")).toEqual({ exitCode, message: expect.stringMatching(message) });
  });

  test("a file that is not there, or is a folder", () => {
    expect(refusal("--from-file", join(folder, "none"), "ls")).toEqual({
      exitCode: 3,
      message: expect.stringContaining("ENOENT"),
    });
    expect(refusal("--from-file", folder, "ls").exitCode).toBe(3);
  });
});

describe("--save-command", () => {
  test("writes what was typed, and reading it gives the same", () => {
    const path = join(folder, "saved.yaml");
    const words = [
      "-e",
      "A=1",
      "-t",
      "V100",
      "--no-trunc",
      "-e",
      "B=ü 🎉",
      "-n",
      "3",
      "-b",
      "--",
      "python",
      "x.py",
      "-v",
    ];
    const first = parsed("--save-command", path, ...words);
    expect(readFileSync(path, "utf8")).toBe(`args:
  - x.py
  - -v
background: true
command: python
env:
  - A=1
  - B=ü 🎉
machine-type: V100
number: "3"
trunc: false
`);
    const second = parsed("--from-file", path);
    delete first.options["saveCommand"];
    delete second.options["fromFile"];
    expect(second).toEqual(first);
  });

  test("as JSON by the file's name, with what came from a file", () => {
    const path = join(folder, "saved.json");
    parsed("--from-file", file("command: ls\nenv: [A=1]"), "--save-command", path, "-t", "CPU");
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ command: "ls", env: ["A=1"], "machine-type": "CPU" });
  });

  test("a place that cannot be written to", () => {
    expect(refusal("--save-command", join(folder, "no", "where"), "ls").exitCode).toBe(3);
  });
});
