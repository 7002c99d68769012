/** The tutorial's workflow, its script byte for byte, on one machine. */
import { describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import {
  TUTORIAL_COMMAND,
  expectTutorial,
  makeTutorialProject,
  missingTutorial,
  putUnderGit,
} from "../support/tutorial.ts";

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
