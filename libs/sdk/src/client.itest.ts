import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, tempFolder, waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { SpellClient } from "./client.ts";
import { FAKE_TOKEN, FakeCoordinator } from "./fake-coordinator.ts";

function clientOf(fake: FakeCoordinator, patience = {}): SpellClient {
  return new SpellClient({ token: FAKE_TOKEN, coordinator: fake.address, workflowId: 9 }, patience);
}

describe("runs", () => {
  test("create says all on the wire and answers with the run", async () => {
    await using fake = await FakeCoordinator.start();
    using client = clientOf(fake);
    const run = await client.runs.create({
      command: "python train.py",
      machineType: "v100",
      mounts: { "runs/7/save": "save" },
      environment: { A: "1=2\nü" },
      commitLabel: "char-rnn",
    });
    expect(run).toMatchObject({
      id: 335,
      status: "machine_requested",
      machineType: "V100",
      command: "python train.py",
    });
    expect(fake.createRunRequests[0]).toMatchObject({
      clientKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
      spec: {
        mounts: [{ resource: "runs/7/save", mountPoint: "save" }],
        environment: { A: "1=2\nü" },
        commitLabel: "char-rnn",
        workflowId: 9,
      },
    });
  });

  test("a lost answer makes no second run", async () => {
    await using fake = await FakeCoordinator.start();
    using client = clientOf(fake);
    fake.loseAnswerOf.add("createRun");
    const run = await client.runs.create({ command: "true" });
    expect(fake.createRunRequests).toHaveLength(2);
    expect(new Set(fake.createRunRequests.map(({ clientKey }) => clientKey)).size).toBe(1);
    expect(fake.runIds).toEqual([run.id]);
    const other = await client.runs.create({ command: "true" });
    expect(other.id).not.toBe(run.id);
  });

  test("get, list, refresh, stop, kill", async () => {
    await using fake = await FakeCoordinator.start();
    using client = clientOf(fake);
    const { id } = fake.addRun({ command: "sleep 9" });
    const run = await client.runs.get(id);
    expect(run.userExitCode).toBeUndefined();
    expect(run.startedAt).toBeUndefined();
    fake.setStatus(id, "running", { startedAtMs: 5 });
    expect(run.status).toBe("machine_requested");
    expect((await run.refresh()).status).toBe("running");
    expect(run.startedAt).toEqual(new Date(5));
    expect((await run.stop()).status).toBe("stopped");
    await expect(run.kill()).rejects.toMatchObject({ code: "conflict", reason: "already-ended" });
    fake.addRun();
    expect((await client.runs.list({ number: 1 })).map((each) => each.id)).toEqual([id + 1]);
    await expect(client.runs.get(4)).rejects.toMatchObject({ code: "not-found" });
  });

  test("of several coordinators the one that answers is used, also by those who follow", async () => {
    await using fake = await FakeCoordinator.start();
    const gone = `127.0.0.1:${await freePort()}`;
    using client = new SpellClient({ token: FAKE_TOKEN, coordinator: `${gone},${fake.address}` });
    const run = await client.runs.create({ command: "true" });
    fake.print(run.id, { text: "one" });
    const texts: string[] = [];
    const read = (async () => {
      for await (const { text } of run.logs({ follow: true })) texts.push(text);
    })();
    await waitFor("the first line", () => texts.length === 1);
    fake.cut();
    await fake.listen();
    fake.print(run.id, { text: "two" });
    fake.setStatus(run.id, "complete");
    await read;
    expect(texts).toEqual(["one", "two"]);
  });

  test("waitStatus goes on over a restart, and says when it waits in vain", async () => {
    await using fake = await FakeCoordinator.start();
    using client = clientOf(fake);
    const run = await client.runs.create({ command: "true" });
    const done = run.waitStatus("complete", "failed");
    await waitFor("the wait to be held", () => fake.held === 1);
    fake.cut();
    await fake.listen();
    await waitFor("the wait to be held again", () => fake.held === 1);
    fake.setStatus(run.id, "failed", { userExitCode: 3 });
    expect(await done).toBe(run);
    expect(run).toMatchObject({ status: "failed", userExitCode: 3 });
    await expect(run.waitStatus("complete")).rejects.toMatchObject({ code: "conflict", reason: "wait-impossible" });
  });

  test("a wait can be given up", async () => {
    await using fake = await FakeCoordinator.start();
    using client = clientOf(fake);
    const run = await client.runs.create({ command: "true" });
    const abort = new AbortController();
    const wait = run.waitStatuses(["complete"], { signal: abort.signal });
    await waitFor("the wait to be held", () => fake.held === 1);
    abort.abort();
    await expect(wait).rejects.toMatchObject({ reason: "cancelled" });
    await waitFor("the coordinator to know", () => fake.held === 0);
  });
});

describe("logs", () => {
  test("what there is, from an offset, and the last ones", async () => {
    await using fake = await FakeCoordinator.start();
    using client = clientOf(fake);
    const { id } = fake.addRun();
    fake.print(id, { text: "a" }, { text: "b" }, { text: "c" });
    const run = await client.runs.get(id);
    const texts = async (options: object): Promise<string[]> => {
      const seen: string[] = [];
      for await (const entry of run.logs(options)) seen.push(entry.text);
      return seen;
    };
    expect(await texts({})).toEqual(["a", "b", "c"]);
    expect(await texts({ offset: 1 })).toEqual(["b", "c"]);
    expect(await texts({ offset: -1 })).toEqual(["c"]);
  });

  test("following goes on over restarts: every entry once", async () => {
    await using fake = await FakeCoordinator.start();
    using client = clientOf(fake);
    const { id } = fake.addRun();
    const seen: string[] = [];
    const states: string[] = [];
    const run = await client.runs.get(id);
    const read = (async () => {
      for await (const entry of run.logs({ follow: true, onConnection: (state) => states.push(state) })) {
        seen.push(entry.text);
      }
    })();
    const expected: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      for (let line = 0; line < 50; line += 1) expected.push(`${round}.${line}`);
      fake.print(id, ...expected.slice(-50).map((text) => ({ text })));
      await waitFor("some of it to arrive", () => seen.length > round * 50);
      fake.cut();
      await fake.listen();
    }
    fake.setStatus(id, "complete");
    await read;
    expect(seen).toEqual(expected);
    expect(states.slice(0, 2)).toEqual(["lost", "back"]);
    expect(fake.logOffsets.length).toBeGreaterThan(3);
  });

  test("an unknown run is said at once", async () => {
    await using fake = await FakeCoordinator.start();
    using client = clientOf(fake);
    const run = await client.runs.create({ command: "true" });
    Object.assign(run, { id: 4 });
    await expect(run.logs({ follow: true }).next()).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("workflows and account", () => {
  test("create, get, stop", async () => {
    await using fake = await FakeCoordinator.start();
    using client = clientOf(fake);
    fake.loseAnswerOf.add("createWorkflow");
    const workflow = await client.workflows.create({
      command: "python workflow.py",
      labels: [{ label: "a", path: "x/a" }],
    });
    expect(workflow).toMatchObject({ id: 9, labels: [{ label: "a", path: "x/a" }], runIds: [] });
    expect(workflow.managingRun).toMatchObject({ id: 335, runType: "workflow" });
    expect(fake.runIds).toHaveLength(1);
    await client.workflows.stop(9);
    expect((await client.workflows.get(9)).managingRun?.status).toBe("stopped");
    await expect(client.workflows.kill(8)).rejects.toMatchObject({ code: "not-found" });
  });

  test("workflows without a master run, labels of every kind, the archive; workspaces", async () => {
    await using fake = await FakeCoordinator.start();
    using client = new SpellClient({ coordinator: fake.address, token: FAKE_TOKEN, owner: "nora" });
    fake.loseAnswerOf.add("createWorkflow");
    const labels = [
      { label: "a", code: { tree: "t", root: "r", gitCommit: "c" } },
      { label: "b", githubUrl: "https://h/x" },
      { label: "c", githubUrl: "https://h/x", githubRef: "v1" },
    ];
    const workflow = await client.workflows.createLocal({ labels });
    expect(workflow).toMatchObject({ id: 9, managingRun: undefined, runIds: [] });
    expect(fake.createWorkflowRequests).toHaveLength(2);
    expect(workflow.labels).toMatchObject([
      { label: "a", path: "", codeTree: "t", codeRoot: "r", gitCommit: "c" },
      { label: "b", githubUrl: "https://h/x", githubRef: "" },
      { label: "c", githubRef: "v1" },
    ]);
    await client.workflows.archive(9);
    await expect(client.workflows.archive(9)).rejects.toMatchObject({ code: "not-found" });
    const times = { createdAtMs: 1, updatedAtMs: 2 };
    const workspace = { id: 3, name: "code", rootCommit: "c", description: "", owner: "nora", ...times };
    fake.workspaces = [workspace];
    expect(await client.workspaces.list()).toEqual([workspace]);
    expect(await client.workspaces.list({ name: "other" })).toEqual([]);
    expect(await client.workspaces.ensure({ rootCommit: "c", name: "new" })).toMatchObject({ id: 3, name: "new" });
    const run = await client.runs.create({ command: "true", code: { tree: "t", root: "r", workspaceId: 3 } });
    expect(run.record.spec?.workspaceId).toBe(3);
    await client.workspaces.remove(3);
    await expect(client.workspaces.remove(3)).rejects.toMatchObject({ code: "not-found" });
  });

  test("whoAmI, machine types, join token; a wrong token is refused once and clearly", async () => {
    await using fake = await FakeCoordinator.start();
    using client = clientOf(fake);
    expect(await client.account.whoAmI()).toMatchObject({ userName: "nora" });
    expect((await client.account.listMachineTypes()).map(({ name }) => name)).toEqual(["CPU", "V100"]);
    expect(await client.account.createJoinToken()).toBe("join-123");
    using stranger = new SpellClient({ token: "wrong", coordinator: fake.address });
    await expect(stranger.account.whoAmI()).rejects.toMatchObject({ code: "unauthenticated", reason: "bad-token" });
    await expect(stranger.runs.create({ command: "true" })).rejects.toMatchObject({ code: "unauthenticated" });
    expect(fake.createRunRequests).toHaveLength(0);
  });

  test("an absent coordinator is named, in bounded time", async () => {
    const coordinator = `127.0.0.1:${await freePort()}`;
    using client = new SpellClient({ token: "x", coordinator }, { connectForMs: 200 });
    // Says nothing by itself.
    client.connect();
    const startedAt = Date.now();
    await expect(client.runs.list()).rejects.toMatchObject({
      code: "unavailable",
      message: `Can't reach Spell at ${coordinator}: nothing listens there.`,
    });
    expect(Date.now() - startedAt).toBeLessThan(3_000);
  });
});

describe("configuration file", () => {
  test("is private, keeps foreign keys, and is read back", async () => {
    const { configurationPath, loadConfiguration, removeConfigurationFile, writeConfigurationFile } =
      await import("./configuration.ts");
    await using folder = await tempFolder();
    const environment = { SPELL_DIR: join(folder.path, "deep", "er") };
    const path = configurationPath(environment);
    await mkdir(join(folder.path, "deep", "er"), { recursive: true });
    await writeFile(path, "theme: dark\ntoken: old\n", { mode: 0o644 });
    writeConfigurationFile(path, { token: "new", coordinator: "h:1", owner: "nora" });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, "utf8")).toBe("type: global\ntheme: dark\ntoken: new\ncoordinator: h:1\nowner: nora\n");
    expect(loadConfiguration(environment)).toEqual({ token: "new", coordinator: "h:1", owner: "nora" });
    expect(removeConfigurationFile(path)).toBe(true);
    expect(removeConfigurationFile(path)).toBe(false);
    expect(() => loadConfiguration(environment)).toThrow(/No login session found. Please log in \("spell login"\)./);
  });

  test("variables win; hostile values are refused by name", async () => {
    const { loadConfiguration } = await import("./configuration.ts");
    await using folder = await tempFolder();
    const environment = { SPELL_DIR: folder.path, SPELL_TOKEN: "t", SPELL_COORDINATOR: "[::1]:5" };
    await writeFile(join(folder.path, "config"), "token: other\nowner: nora\n");
    expect(loadConfiguration({ ...environment, SPELL_WORKFLOW_ID: "12" })).toMatchObject({
      token: "t",
      coordinator: "[::1]:5",
      workflowId: 12,
    });
    const refusal = (extra: Record<string, string>): unknown => {
      try {
        return loadConfiguration({ ...environment, ...extra });
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(loadConfiguration({ ...environment, SPELL_COORDINATOR: "a, b:1,a:7800" }).coordinator).toBe("a:7800,b:1");
    expect(refusal({ SPELL_COORDINATOR: "a,,b" })).toMatch(/write HOST:PORT/);
    expect(refusal({ SPELL_WORKFLOW_ID: "9; rm" })).toMatch(/SPELL_WORKFLOW_ID must be a number/);
    expect(refusal({ SPELL_COORDINATOR: "http://x:1/" })).toMatch(/write HOST:PORT/);
    expect(refusal({ SPELL_COORDINATOR: "x:99999" })).toMatch(/write HOST:PORT/);
    expect(refusal({ SPELL_TOKEN: "a\nb" })).toMatch(/Copy it again/);
    await writeFile(join(folder.path, "config"), "token: [1\n");
    expect(refusal({ SPELL_TOKEN: "" })).toMatch(/is not YAML/);
    await writeFile(join(folder.path, "config"), "token: 12\n");
    expect(refusal({ SPELL_TOKEN: "" })).toMatch(/"token" must be text/);
    await writeFile(join(folder.path, "config"), "- a\n");
    expect(refusal({ SPELL_TOKEN: "" })).toMatch(/does not hold a configuration/);
  });
});
