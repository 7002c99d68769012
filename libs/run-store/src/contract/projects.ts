/** Projects and the runs in them. */
import { describe, expect, it } from "vitest";
import type { RunStore } from "../run-store.ts";
import type { OpenFixture } from "./samples.ts";
import { assignment, ending, sampleRun } from "./samples.ts";

const project = (name: string, owner = "ann") => ({ owner, name, description: `about ${name}`, createdAtMs: 5 });
const exists = { name: "SpellError", code: "already-exists", reason: "project-exists" };

async function addRun(store: RunStore, owner = "ann"): Promise<number> {
  return (await store.createRun(sampleRun({ owner }), "")).run.id;
}

export function describeProjects(open: OpenFixture): void {
  describe("projects", () => {
    it("are numbered, found and listed by name, each for its owner", async () => {
      await using fixture = await open();
      const { projects } = fixture.store;
      const mine = await projects.create(project("zebra"), []);
      const counts = { totalRunCount: 0, activeRunCount: 0, totalRuntimeMs: 0 };
      expect(mine).toEqual({ ...project("zebra"), ...counts, id: expect.any(Number), updatedAtMs: 5 });
      const other = await projects.create(project("Ärger"), []);
      await projects.create(project("zebra", "bob"), []);
      expect(await projects.find(mine, 9)).toEqual(mine);
      expect(await projects.find({ owner: "bob", id: mine.id }, 9)).toBeUndefined();
      expect(await projects.find({ owner: "ann", id: 1e300 }, 9)).toBeUndefined();
      expect(await projects.list({ owner: "ann", archived: false, nowMs: 9 })).toEqual([mine, other]);
      expect(await projects.list({ owner: "ann", archived: true, nowMs: 9 })).toEqual([]);
    });

    it("of one owner differ in more than their letter case, archived or not", async () => {
      await using fixture = await open();
      const { projects } = fixture.store;
      const first = await projects.create(project("Über"), []);
      await projects.update(first, { archivedAtMs: 7, updatedAtMs: 7 });
      await expect(projects.create(project("über"), [])).rejects.toMatchObject(exists);
      const second = await projects.create(project("other"), []);
      await expect(projects.update(second, { name: "ÜBER", updatedAtMs: 8 })).rejects.toMatchObject(exists);
      expect(await projects.update(second, { name: "OTHER", updatedAtMs: 8 })).toBe(true);
      expect(await projects.find(second, 9)).toMatchObject({
        name: "OTHER",
        description: "about other",
        updatedAtMs: 8,
      });
    });

    it("change field by field, and are archived and taken back", async () => {
      await using fixture = await open();
      const { projects } = fixture.store;
      const made = await projects.create(project("p"), []);
      expect(await projects.update(made, { description: "", updatedAtMs: 6 })).toBe(true);
      expect(await projects.find(made, 9)).toMatchObject({ name: "p", description: "", updatedAtMs: 6 });
      await projects.update(made, { archivedAtMs: 7, updatedAtMs: 7 });
      expect(await projects.list({ owner: "ann", archived: false, nowMs: 9 })).toEqual([]);
      expect(await projects.list({ owner: "ann", archived: true, nowMs: 9 })).toMatchObject([{ archivedAtMs: 7 }]);
      await projects.update(made, { archivedAtMs: null, updatedAtMs: 8 });
      expect((await projects.find(made, 9))?.archivedAtMs).toBeUndefined();
      expect(await projects.update({ owner: "bob", id: made.id }, { name: "stolen", updatedAtMs: 9 })).toBe(false);
    });

    it("count their runs and how long those ran, archived ones left out", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const ids = [await addRun(store), await addRun(store), await addRun(store)];
      const [ended = 0, running = 0, archived = 0] = ids;
      const made = await store.projects.create(project("p"), ids);
      await store.updateRun(ended, 1, { ...assignment("a"), startedAtMs: 4_000 });
      await store.updateRun(ended, 2, ending());
      await store.updateRun(running, 1, { ...assignment("a"), startedAtMs: 10_000 });
      await store.updateRun(archived, 1, { ...ending("killed"), archivedAtMs: 9_500 });
      expect(await store.projects.find(made, 10_700)).toMatchObject({
        ...{ totalRunCount: 2, activeRunCount: 1, totalRuntimeMs: 5_700 },
      });
      expect((await store.listRuns({ owner: "ann", pageSize: 9, projectId: made.id })).map(({ id }) => id)).toEqual([
        ...[running, ended],
      ]);
    });
  });

  describe("runs of a project", () => {
    it("are put in and taken out, all or none, and from no other project", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const [one, two, three] = [await addRun(store), await addRun(store), await addRun(store)];
      const first = await store.projects.create(project("first"), [one]);
      const second = await store.projects.create(project("second"), []);
      const elsewhere = { code: "conflict", reason: "run-in-project" };
      await expect(store.projects.addRuns(second, [two, one])).rejects.toMatchObject(elsewhere);
      await expect(store.projects.create(project("third"), [two, one])).rejects.toMatchObject(elsewhere);
      expect(await store.projects.list({ owner: "ann", archived: false, nowMs: 1 })).toHaveLength(2);
      const projectOf = async (id: number) => (await store.findRun(id))?.projectId;
      expect(await projectOf(two)).toBeUndefined();
      await store.projects.addRuns(first, [one, two, two]);
      expect([await projectOf(one), await projectOf(two)]).toEqual([first.id, first.id]);
      const outside = { code: "conflict", reason: "run-not-in-project" };
      await expect(store.projects.removeRuns(first, [one, three])).rejects.toMatchObject(outside);
      expect(await projectOf(one)).toBe(first.id);
      await store.projects.removeRuns(first, [one]);
      await store.projects.addRuns(second, [one]);
      expect(await projectOf(one)).toBe(second.id);
    });

    it("are their owner's", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const others = await addRun(store, "bob");
      const mine = await store.projects.create(project("p"), []);
      const missing = { code: "not-found", reason: "no-such-run" };
      for (const id of [others, 99, -1]) {
        await expect(store.projects.addRuns(mine, [id])).rejects.toMatchObject(missing);
        await expect(store.projects.removeRuns(mine, [id])).rejects.toMatchObject(missing);
        await expect(store.projects.create(project(`q${id}`), [id])).rejects.toMatchObject(missing);
      }
      expect((await store.findRun(others))?.projectId).toBeUndefined();
    });

    it("go on as they were: a change decided before is still taken", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const run = (await store.createRun(sampleRun(), "")).run;
      const made = await store.projects.create(project("p"), [run.id]);
      expect(await store.updateRun(run.id, run.version, assignment("a"))).toMatchObject({ projectId: made.id });
    });
  });

  it("projects opened again are the same", async () => {
    await using fixture = await open();
    const { store } = fixture;
    const made = await store.projects.create(project("p"), [await addRun(store)]);
    const reopened = await fixture.reopen();
    expect(await reopened.projects.find(made, 5)).toEqual(made);
    await expect(reopened.projects.create(project("P"), [])).rejects.toMatchObject(exists);
  });
}
