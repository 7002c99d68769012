import { appendFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "@spell/testing";
import { expect, test } from "vitest";
import { AttemptJournal, attemptDirOf, openJournals } from "./attempt-journal.ts";
import type { Arrival, AttemptRecord } from "./attempt-journal.ts";

const arrival: Arrival = {
  lease: { runId: 7, attempt: 2, token: "t" },
  bootId: "boot",
  spec: {
    ...{ command: "echo 'zwölf\n'", machineType: "CPU", slots: [0], codeTree: "", codeRoot: "", cwd: "" },
    ...{ environment: { A: "1" }, mounts: [], master: false },
  },
};
const running = { phase: "running" as const, atMs: 5 };

/** The record of the only journal below the folder, as a later life of the agent finds it. */
async function found(dataDir: string): Promise<AttemptRecord | undefined> {
  const [journal] = openJournals(dataDir).found;
  await journal?.close();
  return journal?.record;
}

test("what was appended is there in the next life, whatever was begun after it", async () => {
  await using folder = await tempFolder();
  const attemptDir = attemptDirOf(folder.path, arrival.lease);
  const journal = AttemptJournal.create(attemptDir, arrival);
  journal.append({ entered: { phase: "building", atMs: 4 } });
  journal.append({ entered: running });
  journal.append({ stopSent: true, stopSentAtMs: 5 });
  journal.append({ outputTree: "" });
  const expected = {
    ...arrival,
    history: [{ phase: "building", atMs: 4 }, running],
    stopSent: true,
    stopSentAtMs: 5,
    outputTree: "",
  };
  expect(journal.record).toEqual(expected);
  await journal.close();
  expect(await found(folder.path)).toEqual(expected);

  // Killed in the middle of a line: it was said to nobody, and the next one begins where it began.
  appendFileSync(join(attemptDir, "attempt.jsonl"), '{"result":{"exitCo');
  const [next] = openJournals(folder.path).found;
  expect(next?.record).toEqual(expected);
  next?.append({ entered: { phase: "saving", atMs: 6 } });
  await next?.close();
  expect((await found(folder.path))?.history).toHaveLength(3);
});

test("at whichever byte the file ends, it is a record of some earlier moment, or none", async () => {
  await using folder = await tempFolder();
  const attemptDir = attemptDirOf(folder.path, arrival.lease);
  const journal = AttemptJournal.create(attemptDir, arrival);
  journal.append({ entered: running });
  await journal.close();
  const path = join(attemptDir, "attempt.jsonl");
  const whole = readFileSync(path);
  const firstLine = whole.indexOf("\n") + 1;
  for (let size = 0; size <= whole.length; size++) {
    writeFileSync(path, whole);
    truncateSync(path, size);
    const history = size === whole.length ? [running] : [];
    expect(await found(folder.path)).toEqual(size < firstLine ? undefined : { ...arrival, history });
  }
});

test("folders without a journal are told apart", async () => {
  await using folder = await tempFolder();
  mkdirSync(join(folder.path, "attempts", "8-1"), { recursive: true });
  writeFileSync(join(folder.path, "attempts", "stray"), "");
  expect(openJournals(folder.path)).toEqual({
    found: [],
    broken: [join(folder.path, "attempts", "8-1"), join(folder.path, "attempts", "stray")],
  });
});
