/** The tutorial on two machines: one steers and downloads, the other, in a network of its own, has the V100. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startMinio, waitFor } from "@spell/testing";
import type { RunningCommand } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { missingMachines, twoMachines } from "../support/machines.ts";
import type { Machine } from "../support/machines.ts";
import { listRuns } from "../support/records.ts";
import { startSpell } from "../support/spell.ts";
import { TUTORIAL_COMMAND, expectTutorial, makeTutorialProject, missingTutorial } from "../support/tutorial.ts";

const missing = missingMachines ?? missingTutorial;

/** A machine with a V100 that joins the farm with a token made there. */
async function joinV100(farm: Farm, machine: Machine): Promise<RunningCommand> {
  const token = await farm.spell(["agent", "token"]);
  expect(token.stdout).toMatch(/^spell agent start --coordinator 192\.0\.2\.1:\d+ --token \S+\n$/);
  const [, ...args] = token.stdout.trim().split(" ");
  const folder = join(farm.folder, "second machine");
  mkdirSync(folder);
  const place = { login: join(folder, "login"), enter: machine.enter };
  const options = ["--data", join(folder, "agent"), "--name", "gpu box", "--machine-type", "V100", "--cpu-slots", "0"];
  const agent = startSpell(place, [...args, ...options, "--control-slots", "0"]);
  await agent.sees("Connected as");
  return agent;
}

describe.skipIf(missing !== undefined)("the tutorial on two machines, objects in MinIO", { timeout: 180_000 }, () => {
  test.each([
    { when: "before the workflow starts", queuedFirst: false },
    { when: "after the training was queued", queuedFirst: true },
  ])("the V100 joins $when: master and download on one machine, training on the other", async ({ queuedFirst }) => {
    await using machines = await twoMachines();
    const { first, second } = machines;
    await using minio = await startMinio(first);
    let project = "";
    await using farm = await Farm.start((folder) => {
      const made = makeTutorialProject(folder, { trainSeconds: 6 });
      project = made.folder;
      const { endpoint, accessKey, secretKey } = minio;
      return {
        enter: first.enter,
        path: [made.bin],
        args: [
          ...["--host", "0.0.0.0", "--advertise", first.address, "--s3-endpoint", endpoint, "--s3-bucket", "farm"],
          ...(queuedFirst ? ["--expect-machine-type", "V100"] : []),
        ],
        env: { SPELL_AGENT_NAME: "head", SPELL_S3_ACCESS_KEY: accessKey, SPELL_S3_SECRET_KEY: secretKey },
      };
    });
    let agent = queuedFirst ? undefined : await joinV100(farm, second);
    try {
      using workflow = farm.startSpell(TUTORIAL_COMMAND, { cwd: project });
      if (queuedFirst) {
        await waitFor("the training to wait", async () =>
          (await listRuns(farm.place)).some(({ id, status }) => id === 3 && status === "machine_requested"),
        );
        agent = await joinV100(farm, second);
      }
      const { exitCode, stdout } = await workflow.done;
      expect(exitCode, stdout).toBe(0);
      await expectTutorial(farm.place, ["head", "head", "gpu box", "gpu box"]);
    } finally {
      agent?.signal("SIGINT");
      await agent?.done;
    }
  });
});
