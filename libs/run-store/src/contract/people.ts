/** Users, tokens, agents. */
import { describe, expect, it } from "vitest";
import type { OpenFixture } from "./samples.ts";
import { sampleAgent } from "./samples.ts";

export function describePeople(open: OpenFixture): void {
  describe("users", () => {
    it("are made once; a second time the first one is answered", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const first = { name: "o'brien", email: "ü@example.org", createdAtMs: 5 };
      expect(await store.ensureUser(first)).toEqual(first);
      expect(await store.ensureUser({ name: "o'brien", email: "other@example.org", createdAtMs: 6 })).toEqual(first);
      expect(await store.findUser("o'brien")).toEqual(first);
      expect(await store.findUser("O'BRIEN")).toBeUndefined();
      expect(await store.findUser("")).toBeUndefined();
    });
  });

  describe("tokens", () => {
    it("stand for a user, an agent or the right to join", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addToken("h1", { kind: "user", userName: "ann" }, 1);
      await store.addToken("join", { kind: "join" }, 1);
      await store.joinAgent("join", sampleAgent("a1"), "h2");
      await store.addToken("h3", { kind: "join" }, 3);
      expect(await store.findToken("h1")).toEqual({ kind: "user", userName: "ann" });
      expect(await store.findToken("h2")).toEqual({ kind: "agent", agentId: "a1" });
      expect(await store.findToken("h3")).toEqual({ kind: "join" });
      expect(await store.findToken("h4")).toBeUndefined();
      expect(await store.findToken("h_")).toBeUndefined();
    });

    it("cannot be taken over by adding the same again", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addToken("h", { kind: "user", userName: "ann" }, 1);
      await store.addToken("h", { kind: "user", userName: "mallory" }, 2).catch(() => undefined);
      expect(await store.findToken("h")).toEqual({ kind: "user", userName: "ann" });
    });
  });

  describe("joining", () => {
    it("uses the token up and makes the agent with a token of its own", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addToken("join", { kind: "join" }, 1);
      const agent = sampleAgent("a1", { machineTypes: [{ name: "V100", slots: 4 }] });
      expect(await store.joinAgent("join", agent, "agent-token")).toBe(true);
      expect(await store.findAgent("a1")).toEqual(agent);
      expect(await store.findToken("agent-token")).toEqual({ kind: "agent", agentId: "a1" });
      expect(await store.findToken("join")).toBeUndefined();
      expect(await store.joinAgent("join", sampleAgent("a2"), "second-token")).toBe(false);
      expect(await store.findAgent("a2")).toBeUndefined();
      expect(await store.findToken("second-token")).toBeUndefined();
    });

    it("lets one of many at the same moment in", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addToken("join", { kind: "join" }, 1);
      const tries = Array.from({ length: 10 }, (_, index) =>
        store.joinAgent("join", sampleAgent(`a${index}`), `t${index}`),
      );
      const joined = (await Promise.all(tries)).filter(Boolean);
      expect(joined).toHaveLength(1);
      expect(await store.listAgents()).toHaveLength(1);
    });

    it("takes no token of another kind and no unknown one", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addToken("user", { kind: "user", userName: "ann" }, 1);
      expect(await store.joinAgent("user", sampleAgent("a1"), "t1")).toBe(false);
      expect(await store.joinAgent("nothing", sampleAgent("a1"), "t1")).toBe(false);
      expect(await store.findToken("user")).toEqual({ kind: "user", userName: "ann" });
      expect(await store.listAgents()).toEqual([]);
    });

    it("that fails does not use the token up", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addToken("join1", { kind: "join" }, 1);
      await store.addToken("join2", { kind: "join" }, 1);
      await store.joinAgent("join1", sampleAgent("a1"), "t1");
      await expect(store.joinAgent("join2", sampleAgent("a1", { name: "thief" }), "t2")).rejects.toMatchObject({
        name: "SpellError",
        code: "already-exists",
      });
      expect((await store.findAgent("a1"))?.name).toBe("machine of a1");
      expect(await store.findToken("t2")).toBeUndefined();
      expect(await store.joinAgent("join2", sampleAgent("a2"), "t2")).toBe(true);
    });
  });

  describe("agents", () => {
    it("that are removed are gone, and their token stands for nobody but is known", async () => {
      await using fixture = await open();
      const { store } = fixture;
      for (const id of ["a", "b"]) {
        await store.addToken(`join-${id}`, { kind: "join" }, 1);
        await store.joinAgent(`join-${id}`, sampleAgent(id), `token-${id}`);
      }
      expect([await store.removeAgent("a"), await store.removeAgent("a"), await store.removeAgent("c")]).toEqual([
        ...[true, false, false],
      ]);
      expect(await store.listAgents()).toEqual([sampleAgent("b")]);
      expect(await store.findAgent("a")).toBeUndefined();
      expect(await store.findToken("token-a")).toEqual({ kind: "agent", agentId: "a", removed: true });
      expect(await store.findToken("token-b")).toEqual({ kind: "agent", agentId: "b" });
    });

    it("are listed in the order they joined, and each field changes alone", async () => {
      await using fixture = await open();
      const { store } = fixture;
      for (const [index, id] of ["b", "c", "a"].entries()) {
        await store.addToken(`join-${id}`, { kind: "join" }, 1);
        await store.joinAgent(`join-${id}`, sampleAgent(id, { createdAtMs: index }), `token-${id}`);
      }
      await store.updateAgent("a", { lastSeenAtMs: 77 });
      await store.updateAgent("b", { machineTypes: [{ name: "CPU", slots: 2 }] });
      await store.updateAgent("c", { placement: "cordoned" });
      await store.updateAgent("nobody", { lastSeenAtMs: 1 });
      expect(await store.listAgents()).toEqual([
        sampleAgent("b", { createdAtMs: 0, machineTypes: [{ name: "CPU", slots: 2 }] }),
        sampleAgent("c", { createdAtMs: 1, placement: "cordoned" }),
        sampleAgent("a", { createdAtMs: 2, lastSeenAtMs: 77 }),
      ]);
      expect(await store.findAgent("nobody")).toBeUndefined();
    });
  });
}
