import { describe, expect, it } from "vitest";
import { assignedTo, openWorld } from "./test-support/world.ts";
import { Authenticator, hashToken, newToken } from "./tokens.ts";

const REFUSED = { name: "SpellError", code: "unauthenticated", reason: "bad-token" };

describe("recorded tokens", () => {
  it("are known by their hash alone", async () => {
    await using world = await openWorld();
    const [user, agent] = [newToken("user"), newToken("agent")];
    await world.store.addToken(hashToken(user), { kind: "user", userName: "ann" }, 1);
    const record = {
      id: "a1",
      name: "box",
      machineTypes: [],
      createdAtMs: 1,
      lastSeenAtMs: 1,
      placement: "open" as const,
    };
    await world.store.addToken("join", { kind: "join" }, 1);
    await world.store.joinAgent("join", record, hashToken(agent));
    expect(await world.auth.authenticate(user)).toEqual({ kind: "user", userName: "ann" });
    expect(await world.auth.authenticate(agent)).toEqual({ kind: "agent", agentId: "a1" });
    await expect(world.auth.authenticate(hashToken(user))).rejects.toMatchObject(REFUSED);
    await expect(world.auth.authenticate(user.toUpperCase())).rejects.toMatchObject(REFUSED);
    await world.store.removeAgent("a1");
    await expect(world.auth.authenticate(agent)).rejects.toMatchObject({ ...REFUSED, reason: "agent-removed" });
  });

  it("are random and say what they are for", () => {
    const tokens = Array.from({ length: 100 }, () => newToken("join"));
    expect(new Set(tokens).size).toBe(100);
    for (const token of tokens) expect(token).toMatch(/^spell_join_[A-Za-z0-9_-]{32}$/);
  });

  it("to join stand for nobody", async () => {
    await using world = await openWorld();
    const join = newToken("join");
    await world.store.addToken(hashToken(join), { kind: "join" }, 1);
    await expect(world.auth.authenticate(join)).rejects.toMatchObject(REFUSED);
  });

  it.each(["", " ", "spell_run_", "\0", "x".repeat(1_000_000), "spell_user_' OR 1=1 --"])(
    "refuses %.40j",
    async (token) => {
      await using world = await openWorld();
      await world.store.addToken(hashToken(""), { kind: "user", userName: "nobody" }, 1);
      await expect(world.auth.authenticate(token)).rejects.toMatchObject(REFUSED);
    },
  );
});

describe("tokens of runs", () => {
  it("stand for the run and its workflow while the attempt is in force", async () => {
    await using world = await openWorld();
    const { run: master } = await world.store.createWorkflow(
      { labels: [], run: { ...(await world.addRun()), runType: "workflow", requestHash: "", notices: [] } },
      "",
    );
    const run = await world.addRun({ workflowId: master.workflowId }, assignedTo("a1"));
    expect(await world.auth.authenticate(world.auth.runToken(run.id, 1))).toEqual({
      kind: "run",
      userName: "ann",
      runId: run.id,
      workflowId: master.workflowId,
    });
  });

  it("end with the run", async () => {
    await using world = await openWorld();
    const run = await world.addRun({}, assignedTo("a1"), { status: "running" });
    const token = world.auth.runToken(run.id, 1);
    expect(await world.auth.authenticate(token)).toMatchObject({ runId: run.id });
    for (const status of ["saving", "pushing"] as const) {
      const current = await world.store.findRun(run.id);
      await world.store.updateRun(run.id, current?.version ?? -1, { status });
      expect(await world.auth.authenticate(token)).toMatchObject({ runId: run.id });
    }
    const current = await world.store.findRun(run.id);
    await world.store.updateRun(run.id, current?.version ?? -1, { status: "failed", endedAtMs: 1 });
    await expect(world.auth.authenticate(token)).rejects.toMatchObject(REFUSED);
  });

  it("are of one attempt", async () => {
    await using world = await openWorld();
    const run = await world.addRun({}, assignedTo("a1"), assignedTo("a2", { number: 2 }));
    await expect(world.auth.authenticate(world.auth.runToken(run.id, 1))).rejects.toMatchObject(REFUSED);
    expect(await world.auth.authenticate(world.auth.runToken(run.id, 2))).toMatchObject({ runId: run.id });
    await expect(world.auth.authenticate(world.auth.runToken(run.id, 3))).rejects.toMatchObject(REFUSED);
  });

  it("are signed: no other run, attempt, secret or letter passes", async () => {
    await using world = await openWorld();
    const run = await world.addRun({}, assignedTo("a1"));
    const other = await world.addRun({ owner: "bob" }, assignedTo("a1"));
    const token = world.auth.runToken(run.id, 1);
    const signature = token.split("_").at(-1) ?? "";
    const flipped = (signature.startsWith("0") ? "1" : "0") + signature.slice(1);
    const forged = [
      `spell_run_${other.id}_1_${signature}`,
      `spell_run_${run.id}_2_${signature}`,
      `spell_run_${run.id}_1_${flipped}`,
      `spell_run_${run.id}_1_${signature.slice(1)}`,
      `spell_run_${run.id}_1_${"0".repeat(64)}`,
      `spell_run_${run.id}_1_`,
      `${token}0`,
      `${token}\n`,
      ` ${token}`,
      token.toUpperCase(),
      `spell_run_-1_1_${signature}`,
      `spell_run_99999999999999999999_1_${signature}`,
      new Authenticator(world.store, "another secret", () => 0).runToken(run.id, 1),
    ];
    for (const each of forged) await expect(world.auth.authenticate(each)).rejects.toMatchObject(REFUSED);
    expect(await world.auth.authenticate(token)).toMatchObject({ runId: run.id });
  });

  it("of a run that was never made are refused", async () => {
    await using world = await openWorld();
    await expect(world.auth.authenticate(world.auth.runToken(99, 1))).rejects.toMatchObject(REFUSED);
  });
});
