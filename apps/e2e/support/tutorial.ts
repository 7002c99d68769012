/** The tutorial's project: its script as it was published, our network in the directory it names, a wget that needs no web. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { repositoryRoot } from "@spell/testing";
import { expect, onTestFinished } from "vitest";
import { listRuns, readLog, userLines } from "./records.ts";
import type { SpellPlace } from "./spell.ts";

const published = join(repositoryRoot, "../shared/tutorial/workflow.py");
const book = join(repositoryRoot, "../shared/data/war-and-peace.txt");

/** Why the tutorial cannot be followed here; undefined when it can. The script is not ours to ship. */
export const missingTutorial: string | undefined = [published, book].every((path) => existsSync(path))
  ? undefined
  : "the tutorial's script and text do not lie beside this clone";

export interface TutorialProject {
  /** Where the user types: workflow.py, char-rnn-tensorflow/. */
  folder: string;
  /** Holds the wget that delivers the text; to be first on the agents' PATH. */
  bin: string;
}

const NOT_CODE = new Set(["data", "save", "__pycache__", "workflow.py", "workflow.ts"]);

/** Lays it out below a folder. `trainSeconds` is what train.py takes when its command line says nothing. */
export function makeTutorialProject(parent: string, { trainSeconds }: { trainSeconds: number }): TutorialProject {
  const folder = join(parent, "project");
  const network = join(folder, "char-rnn-tensorflow");
  mkdirSync(folder, { recursive: true });
  cpSync(published, join(folder, "workflow.py"));
  cpSync(join(repositoryRoot, "examples/char-rnn"), network, {
    recursive: true,
    filter: (source) => !NOT_CODE.has(basename(source)) && !basename(source).startsWith("."),
  });
  const train = join(network, "train.py");
  const source = readFileSync(train, "utf8");
  const shortened = source.replace(/^DEFAULT_SECONDS = [\d.]+/m, `DEFAULT_SECONDS = ${trainSeconds}.0`);
  if (shortened === source) throw new Error("train.py has no default training time to shorten");
  writeFileSync(train, shortened);
  return { folder, bin: makeWget() };
}

/**
 * A wget for one address: the tutorial's, which it delivers from the disk. It lies in the clone for the time of the test: the
 * system's temporary folder is private to the runs of an agent that is not root.
 */
function makeWget(): string {
  mkdirSync(join(repositoryRoot, ".cache"), { recursive: true });
  const bin = mkdtempSync(join(repositoryRoot, ".cache", "wget-"));
  onTestFinished(() => rmSync(bin, { recursive: true, force: true }));
  cpSync(book, join(bin, "book.txt"));
  const script = `#!/bin/sh
[ "$1" = -O ] && [ "$3" = https://www.gutenberg.org/files/2600/2600-0.txt ] || { echo "wget: unexpected: $*" >&2; exit 2; }
cp "${join(bin, "book.txt")}" "$2"
`;
  writeFileSync(join(bin, "wget"), script);
  chmodSync(join(bin, "wget"), 0o755);
  return bin;
}

/** As the tutorial has it: a repository around the script, which ignores the clone of the network that lies in it. */
export function putUnderGit(project: string): void {
  const git = (cwd: string, ...args: string[]): void => {
    const identity = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"];
    execFileSync("git", [...identity, ...args], { cwd, stdio: "pipe" });
  };
  const clone = join(project, "char-rnn-tensorflow");
  writeFileSync(join(project, ".gitignore"), "char-rnn-tensorflow/\n");
  for (const repository of [clone, project]) {
    git(repository, "init");
    git(repository, "add", ".");
    git(repository, "commit", "-m", "First");
  }
  // Not committed, and travels all the same.
  writeFileSync(join(clone, "untracked.py"), "");
  appendFileSync(join(project, ".gitignore"), "*.log\n");
}

/** What the user types in the project's folder. */
export const TUTORIAL_COMMAND = ["workflow", "--repo", "char-rnn=char-rnn-tensorflow/", "python workflow.py"];

/**
 * Asserts that the farm's first workflow went as the tutorial says. Its runs are 1 (the master) to 4. `machines`: the name of
 * the agent that each ran on.
 */
export async function expectTutorial(place: SpellPlace, machines?: readonly string[]): Promise<void> {
  const runs = (await listRuns(place)).slice(0, 4);
  expect(runs.map(({ id, status, machine_type }) => [id, status, machine_type])).toEqual([
    [1, "complete", "CPU"],
    [2, "complete", "CPU"],
    [3, "complete", "V100"],
    [4, "complete", "V100"],
  ]);
  if (machines !== undefined) expect(runs.map(({ agent }) => agent)).toEqual(machines);
  const written = userLines(await readLog(place, 4));
  expect(userLines(await readLog(place, 1))).toEqual([
    "waiting for run 2 to complete",
    "waiting for run 3 to complete",
    "waiting for run 4 to complete",
    "Logs from run 4:",
    ...written,
  ]);
  // Text of a network that has learnt: mostly words, many of them the book's commonest.
  const words = written.join(" ").match(/[A-Za-z]+/g) ?? [];
  const common = words.filter((word) => COMMON_WORDS.has(word.toLowerCase()));
  expect(words.length, written.join("\n")).toBeGreaterThan(40);
  expect(common.length, written.join("\n")).toBeGreaterThan(5);
}

const COMMON_WORDS = new Set("the and to of a he in his was that with had her not it at him as on is".split(" "));
