/** A record is backed up while it is in use, made anew from the backup, and checked. */
import { describe, expect, it } from "vitest";
import type { BackupPart } from "../backup/backup-file.ts";
import { readBackup, writeBackup } from "../backup/backup-file.ts";
import type { RunStore } from "../run-store.ts";
import type { OpenFixture } from "./samples.ts";
import { assignment, digestFor, ending, sampleAgent, sampleMaster, sampleNotice, sampleRun } from "./samples.ts";

/** A record with something in most of its tables. */
async function fill(store: RunStore): Promise<void> {
  await store.ensureUser({ name: "ann", email: "ann@example.org", createdAtMs: 1, operator: true });
  await store.addToken("user", { kind: "user", userName: "ann" }, 1);
  await store.addToken("join", { kind: "join" }, 1);
  await store.joinAgent("join", sampleAgent("a1"), "agent");
  const { run: master } = await store.createWorkflow(
    { labels: [{ label: "l", path: "p" }], run: sampleMaster() },
    "key",
  );
  const { run } = await store.createRun(sampleRun({ workflowId: 1, notices: [sampleNotice("ü 🚀")] }), "");
  await store.createRun(sampleRun(), "");
  await store.updateRun(master.id, master.version, { ...assignment("a1"), notices: [sampleNotice("held")] });
  const held = await store.updateRun(run.id, run.version, assignment("a1"));
  await store.addLogSegment(run.id, { attempt: 1, firstNumber: 0, entries: 3, objectKey: "logs/1" });
  const end = {
    ...ending(),
    userExitCode: 0,
    attemptEnd: { logEntries: 3, atMs: 9_000 },
    outputTree: digestFor("tree"),
  };
  await store.updateRun(run.id, held?.version ?? -1, end);
}

async function partsOf(store: RunStore): Promise<BackupPart[]> {
  const found: BackupPart[] = [];
  for await (const part of (await store.upkeep.backup()).parts) found.push(part);
  return found;
}

async function backupFile(store: RunStore): Promise<Buffer[]> {
  const { header, parts } = await store.upkeep.backup();
  const chunks: Buffer[] = [];
  for await (const chunk of writeBackup({ ...header, createdAtMs: 5 }, parts)) chunks.push(chunk);
  return chunks;
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

async function broken(store: RunStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { rule, broken: count } of store.upkeep.check()) if (count > 0) found.push(rule);
  return found;
}

export function describeUpkeep(open: OpenFixture): void {
  describe("upkeep", () => {
    it("a record made anew from its backup is the same, and its numbers go on", async () => {
      await using fixture = await open();
      await fill(fixture.store);
      const upload = { owner: "ann", name: "removed", compressed: false };
      const { id } = await fixture.store.uploads.beginUpload(upload, 1_000);
      await fixture.store.uploads.removeUpload(id);
      const before = await partsOf(fixture.store);
      const bytes = await backupFile(fixture.store);
      await fixture.store.createRun(sampleRun(), "later");
      const restored = await fixture.restore(await readBackup(each(bytes)));
      expect(await partsOf(restored)).toEqual(before);
      expect(await restored.findRunByClientKey("ann", "later")).toBeUndefined();
      expect((await restored.createRun(sampleRun(), "")).run.id).toBe(4);
      // No number is given twice, not even that of what was removed.
      expect((await restored.uploads.beginUpload(upload, 2_000)).id).toBeGreaterThan(id);
      expect(await broken(restored)).toEqual([]);
    });

    it("a backup is of one moment, and work goes on while it is read", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await fill(store);
      const before = await partsOf(store);
      const { parts } = await store.upkeep.backup();
      const { run } = await store.createRun(sampleRun(), "");
      await store.updateRun(run.id, run.version, { ...ending("killed") });
      const read: BackupPart[] = [];
      for await (const part of parts) read.push(part);
      expect(read).toEqual(before);
    });

    it("a backup that nobody reads to its end is given up", async () => {
      await using fixture = await open();
      await fill(fixture.store);
      for await (const part of (await fixture.store.upkeep.backup()).parts) {
        expect(part.kind).toBe("table");
        break;
      }
      expect((await partsOf(fixture.store)).length).toBeGreaterThan(20);
    });

    it("a backup that is damaged, of a newer schema, or has a table of none changes nothing", async () => {
      await using fixture = await open();
      await fill(fixture.store);
      const before = await partsOf(fixture.store);
      const bytes = Buffer.concat(await backupFile(fixture.store));
      const cut = await readBackup(each([bytes.subarray(0, bytes.length / 2)]));
      await expect(fixture.restore(cut)).rejects.toMatchObject({ reason: "damaged-backup" });
      const newer = { header: { schema: 9_999, createdAtMs: 1 }, parts: each<BackupPart>([]) };
      await expect(fixture.restore(newer)).rejects.toMatchObject({ reason: "newer-schema" });
      const { header } = await readBackup(each([bytes]));
      const strange = { header, parts: each<BackupPart>([{ kind: "table", name: "users_of_old", columns: ["name"] }]) };
      await expect(fixture.restore(strange)).rejects.toMatchObject({ reason: "damaged-backup" });
      const doubled = { header, parts: each([...before, ...before]) };
      await expect(fixture.restore(doubled)).rejects.toMatchObject({ code: "already-exists" });
      const opened = await fixture.reopen();
      expect(await partsOf(opened)).toEqual(before);
    });

    it("all rules hold of a record in use", async () => {
      await using fixture = await open();
      expect(await broken(fixture.store)).toEqual([]);
      await fill(fixture.store);
      expect(await broken(fixture.store)).toEqual([]);
    });

    it("what breaks a rule is named", async () => {
      await using fixture = await open();
      await fill(fixture.store);
      const held = await fixture.store.updateRun(3, 1, assignment("a1"));
      await fixture.store.addLogSegment(3, { attempt: 1, firstNumber: 7, entries: 1, objectKey: "logs/2" });
      const attemptEnd = { logEntries: 8, atMs: 9_000 };
      await fixture.store.updateRun(3, held?.version ?? -1, { ...ending(), userExitCode: 0, attemptEnd });
      const found = [];
      for await (const rule of fixture.store.upkeep.check()) if (rule.broken > 0) found.push(rule);
      expect(found).toMatchObject([
        { rule: "logs-have-no-gaps", brokenBy: ["attempt 1 of run 3"], broken: 1 },
        { rule: "logs-are-whole", brokenBy: ["attempt 1 of run 3"], broken: 1 },
      ]);
    });
  });
}
