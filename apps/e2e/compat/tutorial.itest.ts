/** The tutorial's workflow, its script byte for byte, started by the historical command line: code travels by git push. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectTutorial, makeTutorialProject, missingTutorial, putUnderGit } from "../support/tutorial.ts";
import { finished, missingHistorical, startClients } from "./support/clients.ts";

describe.skipIf(missingHistorical !== undefined || missingTutorial !== undefined)("the historical client", () => {
  it("runs the tutorial's workflow", { timeout: 120_000 }, async () => {
    await using clients = await startClients((folder) => {
      const made = makeTutorialProject(folder, { trainSeconds: 6 });
      putUnderGit(made.folder);
      return { args: ["--machine-type", "V100"], path: [made.bin] };
    });
    const { historical } = clients;
    const { farm } = historical;
    const words = ["workflow", "create", "-f", "--repo", "char-rnn=char-rnn-tensorflow/", "python workflow.py"];
    const { exitCode, stdout, stderr } = await finished(historical.start(words, { cwd: join(farm.folder, "project") }));
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/Casting workflow #1[^]*Following workflow at run 1[^]*waiting for run 2 to complete/);
    await expectTutorial(farm.place);
    expect(clients.tripwire.attempts()).toEqual([]);
  });
});
