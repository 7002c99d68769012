/** A workflow killed over the wire while clients are making runs of it. */
import { RunSpec } from "@spell/rpc";
import { expect, it } from "vitest";
import { call, openWorld } from "../test-support/world.ts";

it("no run that was being made gets away: it is refused with a sentence, or killed", async () => {
  await using world = await openWorld();
  const { runs, workflows, ann } = world;
  const spec = RunSpec.fromPartial({ command: "python train.py" });
  const asked = { spec, labels: [], clientKey: "", local: false };
  const workflowId = (await call(workflows.createWorkflow.bind(workflows), asked, ann)).workflow?.id ?? 0;
  const create = (number: number) => {
    const request = { spec: { ...spec, workflowId }, clientKey: `worker ${number}`, idempotent: false };
    return Promise.allSettled([call(runs.createRun.bind(runs), request, ann)]);
  };
  // More and more of them: the kill comes into the midst.
  const creations = Array.from({ length: 30 }, (_, number) => create(number));
  await creations[3];
  const killing = call(workflows.killWorkflow.bind(workflows), { workflowId }, ann);
  creations.push(...Array.from({ length: 30 }, (_, number) => create(30 + number)));
  await killing;
  creations.push(create(60));
  const outcomes = (await Promise.all(creations)).flat();
  const made = outcomes.flatMap((each) => (each.status === "fulfilled" ? [each.value.run?.id ?? 0] : []));
  for (const runId of made) {
    const { run } = await call(runs.getRun.bind(runs), { runId }, ann);
    expect(run).toMatchObject({ status: "killed", reasonCode: "cancelled-before-start" });
  }
  const refusals = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
  expect(refusals.length).toBeGreaterThan(0);
  for (const refusal of refusals) {
    const message = `Workflow ${workflowId} was killed by ann: no run is added to it any more. Make a new workflow.`;
    expect(refusal).toMatchObject({ code: "conflict", reason: "workflow-ended", message });
  }
});
