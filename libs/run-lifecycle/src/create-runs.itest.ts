import type { Digest, RunStatus } from "@spell/domain";
import { digestOf } from "@spell/spellfs";
import { waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import type { Principal } from "./principal.ts";
import type { World } from "./test-support/world.ts";
import { ANN, BOB, assignedTo, openWorld, runRequest } from "./test-support/world.ts";

const CODE = { repo: { "train.py": "print(1)", sub: { "x.py": "x" }, "char-rnn": { "rnn.py": "old" } } };
const AGENT: Principal = { kind: "agent", agentId: "a1" };
const UNKNOWN: Digest = digestOf(Buffer.from("a tree that nobody committed"));

function refusal(reason: string, message: RegExp = /./, code = "invalid-input") {
  return { name: "SpellError", code, reason, message: expect.stringMatching(message) };
}

/** A workflow of Ann's whose code is CODE, with one label. */
async function makeWorkflow(world: World, labels = [{ label: "char-rnn", path: "repo/char-rnn" }]) {
  const codeTree = await world.commit(CODE);
  const run = runRequest({ codeTree, codeRoot: "repo", command: "python workflow.py" });
  return world.create.workflow(ANN, { run, labels }, "");
}

function runOf(workflowId: number | undefined, runId = 1): Principal {
  return { kind: "run", userName: "ann", runId, workflowId };
}

/** Takes a run to a status, by an attempt of agent a1. */
async function moveTo(world: World, runId: number, status: RunStatus): Promise<void> {
  const run = await world.store.findRun(runId);
  const ended = status === "complete" ? { endedAtMs: 1 } : {};
  await world.store.updateRun(runId, run?.version ?? -1, { ...assignedTo("a1"), status, ...ended });
}

describe("creating a run", () => {
  it("queues what was asked, checked and resolved, with the first line of its log", async () => {
    await using world = await openWorld();
    const codeTree = await world.commit(CODE);
    const source = await world.addEnded("complete", { save: { m: "x" } });
    world.connect("a1", { V100: 2 });
    const request = runRequest({
      codeTree,
      codeRoot: "repo",
      cwd: "./sub/",
      machineType: "v100",
      mounts: [{ resource: `runs/${source.id}/save`, mountPoint: "" }],
      environment: { A: "1" },
      description: "first try",
      labels: ["x"],
    });
    const { run, existed } = await world.create.run(ANN, request, "key");
    expect(existed).toBe(false);
    expect(run).toMatchObject({
      owner: "ann",
      runType: "user",
      status: "machine_requested",
      createdAtMs: world.clock.nowMs,
      labels: ["x"],
    });
    expect(run.workflowId).toBeUndefined();
    expect(run.spec).toMatchObject({
      ...{ command: "python train.py", machineType: "V100", codeTree, codeRoot: "repo", cwd: "sub" },
      ...{ environment: { A: "1" }, description: "first try", commitLabel: "", gitCommit: "" },
      mounts: [{ path: "/spell/repo/save", isFile: false }],
    });
    expect((await world.store.describeLog(run.id))?.before).toMatchObject([
      { text: "Run created -- waiting for a V100 machine.", status: "machine_requested", statusEvent: true },
    ]);
  });

  it("is not for agents", async () => {
    await using world = await openWorld();
    await expect(world.create.run(AGENT, runRequest(), "")).rejects.toMatchObject({ code: "forbidden" });
    const workflow = { run: runRequest(), labels: [] };
    await expect(world.create.workflow(AGENT, workflow, "")).rejects.toMatchObject({ code: "forbidden" });
    expect(await world.store.listQueued(10)).toEqual([]);
  });

  it("twice with one client key is once, also when what it needs has gone meanwhile", async () => {
    await using world = await openWorld();
    const first = await world.create.run(ANN, runRequest(), "key");
    const again = await world.create.run(ANN, runRequest({ machineType: "nonsense" }), "key");
    expect(again).toEqual({ run: first.run, existed: true, reused: false });
    const others = await Promise.all(Array.from({ length: 5 }, () => world.create.run(ANN, runRequest(), "other")));
    expect(new Set(others.map(({ run }) => run.id)).size).toBe(1);
    expect((await world.create.run(BOB, runRequest(), "key")).existed).toBe(false);
  });

  it("is refused with a key that another request was made with, also when both come at once", async () => {
    await using world = await openWorld();
    const used = refusal("client-key-used", /was used for another request: make a new one/, "conflict");
    await world.create.run(ANN, runRequest({ command: "echo :x:", params: { x: 1 } }), "key");
    const other = { command: "echo :x:", params: { x: 2 } };
    await expect(world.create.run(ANN, runRequest(other), "key")).rejects.toMatchObject(used);
    const environment = { A: "1" };
    const elsewhere = { command: "echo :x:", params: { x: 1 }, environment };
    await expect(world.create.run(ANN, runRequest(elsewhere), "key")).rejects.toMatchObject(used);
    const racing = ["a", "b", "a", "b"].map((command) => world.create.run(ANN, runRequest({ command }), "raced"));
    const outcomes = await Promise.allSettled(racing);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "fulfilled", "rejected", "rejected"]);
    expect(await world.store.listRuns({ owner: "ann", pageSize: 10 })).toHaveLength(2);
  });

  it("answers an old key with its run also when that is archived", async () => {
    await using world = await openWorld();
    const { run } = await world.create.run(ANN, runRequest(), "key");
    await world.lifecycle.request(ANN, run.id, "kill");
    const archived = await world.filing.archive(ANN, run.id);
    expect(await world.create.run(ANN, runRequest(), "key")).toEqual({ run: archived, existed: true, reused: false });
  });

  it("does not answer with a run that the asking run may not see, nor with a workflow's master", async () => {
    await using world = await openWorld();
    const { workflow } = await makeWorkflow(world);
    await world.create.run(ANN, runRequest(), "outside");
    await world.create.workflow(ANN, { run: runRequest(), labels: [] }, "master");
    const used = refusal("client-key-used", /was used for another request/, "conflict");
    await expect(world.create.run(runOf(workflow.id), runRequest(), "outside")).rejects.toMatchObject(used);
    await expect(world.create.run(ANN, runRequest(), "master")).rejects.toMatchObject(used);
    const inside = await world.create.run(runOf(workflow.id), runRequest(), "inside");
    expect(await world.create.run(runOf(workflow.id), runRequest(), "inside")).toEqual({
      run: inside.run,
      existed: true,
      reused: false,
    });
  });

  it("puts parameters into their places, and keeps what they were", async () => {
    await using world = await openWorld();
    const request = runRequest({ command: "train --rate :rate: --name :NAME:", params: { rate: 0.5, name: "x y" } });
    const { run } = await world.create.run(ANN, request, "");
    expect(run.spec).toMatchObject({ command: "train --rate 0.5 --name x y", params: { rate: 0.5, name: "x y" } });
    const unused = runRequest({ command: "train", params: { rate: 1 } });
    await expect(world.create.run(ANN, unused, "")).rejects.toMatchObject(refusal("unused-parameter", /"rate"/));
  });

  it("says in the log what has no effect", async () => {
    await using world = await openWorld();
    const { run } = await world.create.run(ANN, runRequest({ hints: ["--python3"] }), "");
    expect((await world.store.describeLog(run.id))?.before).toMatchObject([
      {},
      {
        text: "--python3 has no effect: a run sees the programs of its machine.",
        level: "warning",
        statusEvent: false,
      },
    ]);
  });

  it.each([{ timeoutMinutes: 0 }, { timeoutMinutes: 1.5 }, { timeoutMinutes: -1 }, { timeoutMinutes: 1e9 }])(
    "refuses %o",
    async (over) => {
      await using world = await openWorld();
      await expect(world.create.run(ANN, runRequest(over), "")).rejects.toMatchObject(
        refusal("bad-timeout", /whole number of minutes/),
      );
    },
  );

  const CONDITION = { metric: "loss", operator: "<", value: 0.1, minIndex: 0 } as const;
  it.each([
    [[[]], /names a metric/],
    [[[{ ...CONDITION, metric: "" }]], /names a metric/],
    [[[{ ...CONDITION, value: Number.NaN }]], /names a metric/],
    [[[{ ...CONDITION, minIndex: -1 }]], /names a metric/],
    [Array.from({ length: 6 }, () => [CONDITION]), /at most 5/],
  ])("refuses the stop conditions %j", async (stopConditions, message) => {
    await using world = await openWorld();
    await expect(world.create.run(ANN, runRequest({ stopConditions }), "")).rejects.toMatchObject(
      refusal("bad-stop-condition", message),
    );
  });

  it("that is refused leaves nothing behind", async () => {
    await using world = await openWorld();
    await expect(world.create.run(ANN, runRequest({ command: " " }), "key")).rejects.toMatchObject({
      reason: "empty-command",
    });
    await expect(world.create.run(ANN, runRequest({ cwd: "../x" }), "key")).rejects.toMatchObject({
      reason: "bad-cwd",
    });
    const mounts = [{ resource: "runs/99/x", mountPoint: "" }];
    await expect(world.create.run(ANN, runRequest({ mounts }), "key")).rejects.toMatchObject({
      reason: "no-such-resource",
    });
    expect(await world.store.listQueued(10)).toEqual([]);
    expect((await world.create.run(ANN, runRequest(), "key")).run.id).toBe(1);
  });

  describe("machine types", () => {
    it.each([
      ["", "CPU"],
      ["cpu", "CPU"],
      ["k80", "K80"],
      ["v100", "V100"],
      ["V100X4", "V100x4"],
      ["p100", "P100"],
    ])("%j is %s", async (asked, expected) => {
      await using world = await openWorld();
      world.connect("a1", { V100: 2, cpu: 4 });
      // An agent that joined once and is away now.
      await world.store.addToken("join", { kind: "join" }, 1);
      const machineTypes = [{ name: "P100", slots: 1 }];
      await world.store.joinAgent(
        "join",
        { id: "away", name: "", machineTypes, createdAtMs: 1, lastSeenAtMs: 1, placement: "open" as const },
        "t",
      );
      const { run } = await world.create.run(ANN, runRequest({ machineType: asked }), "");
      expect(run.spec.machineType).toBe(expected);
    });

    it.each(["H100", "V100x0", "V100x", "x4", "CPU; rm", "\0"])("%j is refused with those there are", async (asked) => {
      await using world = await openWorld();
      world.connect("a1", { V100: 2, cpu: 4 });
      await expect(world.create.run(ANN, runRequest({ machineType: asked }), "")).rejects.toMatchObject({
        ...refusal("unknown-machine-type"),
        message: `invalid machine type: ${asked} (choose from CPU, K80, V100)`,
      });
    });
  });

  describe("code", () => {
    it.each([
      ["a tree that is not known", { codeTree: UNKNOWN, codeRoot: "repo" }, "no-such-tree"],
      ["no code root", { codeRoot: "" }, "bad-cwd"],
      ["a code root that is not there", { codeRoot: "other" }, "bad-cwd"],
      ["a code root that is deeper", { codeRoot: "repo/sub" }, "bad-cwd"],
      ["a code root that climbs", { codeRoot: ".." }, "bad-path"],
      ["a directory that is not there", { codeRoot: "repo", cwd: "nope" }, "bad-cwd"],
      ["a file for a directory", { codeRoot: "repo", cwd: "train.py" }, "bad-cwd"],
      ["a code root without code", { codeTree: "" as const, codeRoot: "repo" }, "bad-code-root"],
    ])("is refused: %s", async (_name, over, reason) => {
      await using world = await openWorld();
      const codeTree = await world.commit(CODE);
      await expect(world.create.run(ANN, runRequest({ codeTree, ...over }), "")).rejects.toMatchObject(refusal(reason));
    });
  });
});

describe("runs in a workflow", () => {
  it("belong to it when its run asks, without saying so", async () => {
    await using world = await openWorld();
    const { workflow, run: master } = await makeWorkflow(world);
    const { run } = await world.create.run(runOf(workflow.id, master.id), runRequest(), "");
    expect(run.workflowId).toBe(workflow.id);
    expect((await world.create.run(ANN, runRequest({ workflowId: workflow.id }), "")).run.workflowId).toBe(workflow.id);
  });

  it("cannot be put into another workflow by a run, nor into somebody else's by anybody", async () => {
    await using world = await openWorld();
    const [mine, other] = [await makeWorkflow(world), await makeWorkflow(world)];
    const workflowId = other.workflow.id;
    for (const asking of [runOf(mine.workflow.id), runOf(undefined)]) {
      await expect(world.create.run(asking, runRequest({ workflowId }), "")).rejects.toMatchObject({
        code: "forbidden",
      });
    }
    for (const id of [workflowId, 99, -1, Number.NaN]) {
      await expect(world.create.run(BOB, runRequest({ workflowId: id }), "")).rejects.toMatchObject(
        refusal("no-such-workflow", /./, "not-found"),
      );
    }
  });

  it("are made with the master on the default type, whatever the cluster is made of", async () => {
    await using world = await openWorld();
    const codeTree = await world.commit(CODE);
    const run = runRequest({ codeTree, codeRoot: "repo", machineType: "H100" });
    const made = await world.create.workflow(ANN, { run, labels: [] }, "key");
    expect(made.run).toMatchObject({ runType: "workflow", spec: { machineType: "CPU" }, workflowId: made.workflow.id });
    expect((await world.create.workflow(ANN, { run, labels: [] }, "key")).existed).toBe(true);
  });
});

describe("labels", () => {
  it.each([
    ["empty", [{ label: "", path: "repo" }], "bad-label"],
    [
      "given twice",
      [
        { label: "a", path: "repo" },
        { label: "a", path: "repo/sub" },
      ],
      "duplicate-label",
    ],
    ["of nothing", [{ label: "a", path: "repo/nope" }], "bad-label"],
    ["of a file", [{ label: "a", path: "repo/train.py" }], "bad-label"],
    ["of no path", [{ label: "a", path: "" }], "bad-label"],
    ["that climb", [{ label: "a", path: "../etc" }], "bad-path"],
    ["that are absolute", [{ label: "a", path: "/etc" }], "bad-path"],
  ])("%s are refused", async (_name, labels, reason) => {
    await using world = await openWorld();
    await expect(makeWorkflow(world, labels)).rejects.toMatchObject(refusal(reason));
    expect(await world.store.listQueued(10)).toEqual([]);
  });

  it("need code", async () => {
    await using world = await openWorld();
    const request = { run: runRequest(), labels: [{ label: "a", path: "repo" }] };
    await expect(world.create.workflow(ANN, request, "")).rejects.toMatchObject(refusal("bad-label"));
  });

  it("that are unknown are refused by name, with those there are", async () => {
    await using world = await openWorld();
    const { workflow } = await makeWorkflow(world);
    const request = runRequest({ commitLabel: "char-rn" });
    await expect(world.create.run(runOf(workflow.id), request, "")).rejects.toMatchObject(
      refusal("unknown-commit-label", /no label "char-rn" \(its labels: char-rnn\)/),
    );
    await expect(world.create.run(ANN, request, "")).rejects.toMatchObject(refusal("no-workflow"));
    const both = runRequest({ commitLabel: "char-rnn", codeTree: UNKNOWN, codeRoot: "x" });
    await expect(world.create.run(runOf(workflow.id), both, "")).rejects.toMatchObject(refusal("code-given-twice"));
  });

  it("give the directory as it is in the running master", async () => {
    await using world = await openWorld();
    const { workflow, run: master } = await makeWorkflow(world);
    await moveTo(world, master.id, "running");
    const now = await world.commit({ "char-rnn": { "rnn.py": "new", bin: { y: "y" } } });
    const request = runRequest({ commitLabel: "char-rnn", cwd: "bin" });
    const creating = world.create.run(runOf(workflow.id, master.id), request, "");
    const [asked] = await waitFor("the agent to be asked", () => {
      const pending = world.snapshots.pending("a1");
      return pending.length > 0 && pending;
    });
    expect(asked).toMatchObject({ runId: master.id, path: "repo/char-rnn", attempt: 1, leaseToken: "lease" });
    world.snapshots.complete(asked?.id ?? "", { agentId: "a1", leaseToken: asked?.leaseToken ?? "", tree: now });
    const { run } = await creating;
    expect(run.spec).toMatchObject({ codeTree: now, codeRoot: "char-rnn", cwd: "bin", commitLabel: "char-rnn" });
  });

  it("whose copy fails or was never committed fail the creation", async () => {
    await using world = await openWorld();
    const { workflow, run: master } = await makeWorkflow(world);
    await moveTo(world, master.id, "running");
    for (const answer of [{ error: "gone" }, { tree: UNKNOWN }]) {
      const creating = world.create.run(runOf(workflow.id), runRequest({ commitLabel: "char-rnn" }), "");
      const outcome = creating.catch((error: unknown) => error);
      const [asked] = await waitFor("the agent to be asked", () => {
        const pending = world.snapshots.pending("a1");
        return pending.length > 0 && pending;
      });
      world.snapshots.complete(asked?.id ?? "", { agentId: "a1", leaseToken: asked?.leaseToken ?? "", ...answer });
      expect(await outcome).toMatchObject({
        name: "SpellError",
        reason: "error" in answer ? "snapshot-failed" : "no-such-tree",
      });
    }
    expect(await world.store.listRuns({ owner: "ann", pageSize: 10, workflowId: workflow.id })).toHaveLength(1);
  });

  it.each(["building", "complete"] as const)("of a master that is %s give the code of the creation", async (status) => {
    await using world = await openWorld();
    const { workflow, run: master } = await makeWorkflow(world);
    await moveTo(world, master.id, status);
    const { run } = await world.create.run(ANN, runRequest({ commitLabel: "char-rnn", workflowId: workflow.id }), "");
    expect(run.spec.codeRoot).toBe("char-rnn");
    const { codeTree } = run.spec;
    expect(codeTree !== "" && (await world.trees.find(codeTree, "char-rnn/rnn.py"))).toMatchObject({ kind: "file" });
  });
});
