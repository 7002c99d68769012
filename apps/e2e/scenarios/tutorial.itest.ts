/** The tutorial's workflow, its script byte for byte, on one machine. */
import { execFileSync } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { TUTORIAL_COMMAND, expectTutorial, makeTutorialProject, missingTutorial } from "../support/tutorial.ts";

/** As the tutorial has it: a repository around the script, which ignores the clone of the network that lies in it. */
function putUnderGit(project: string): void {
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

describe.skipIf(missingTutorial !== undefined)("the tutorial", { timeout: 120_000 }, () => {
  test.each([
    { place: "outside git", inGit: false, changes: [] },
    { place: "in a repository with changes", inGit: true, changes: ["✨ Preparing uncommitted changes…"] },
  ])("$place: three workers complete, and the text stands in the master's log", async ({ inGit, changes }) => {
    let project = "";
    await using farm = await Farm.start((folder) => {
      const made = makeTutorialProject(folder, { trainSeconds: 6 });
      project = made.folder;
      if (inGit) putUnderGit(project);
      return { args: ["--machine-type", "V100"], path: [made.bin] };
    });
    const { stdout, stderr, exitCode } = await farm.spell(TUTORIAL_COMMAND, { cwd: project });
    expect({ stderr, exitCode }, farm.said()).toEqual({ stderr: "", exitCode: 0 });
    const said = stdout.split("\n").filter((line) => !line.startsWith("Uploaded "));
    expect(said.slice(0, 4 + changes.length)).toEqual([
      "✨ Syncing repo char-rnn-tensorflow/.",
      ...changes,
      "💫 Casting workflow #1…",
      "✨ Following workflow at run 1.",
      "✨ Stop viewing logs with ^C",
    ]);
    expect(stdout).toContain("✨ Run is running\nwaiting for run 2 to complete\n");
    expect(stdout).toMatch(/🎉 Run 1 complete\n$/);
    await expectTutorial(farm.place);
  });
});
