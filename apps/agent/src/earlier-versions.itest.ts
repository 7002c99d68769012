/** What earlier versions of the agent left on the disk is taken over; what a later one left is not touched. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDigest } from "@spell/domain";
import { bootId } from "@spell/machine";
import { describe, expect, test } from "vitest";
import { openJournals } from "./attempt-journal.ts";
import type { Machine } from "./test-support/attempt-machine.ts";
import { machine, noCrash, pathsIn, resultOf, resume, textsOf } from "./test-support/attempt-machine.ts";
import { Crasher } from "./test-support/crash-point.ts";

/** The folder of an attempt whose command went on and ended after its agent, version 0.1.0, was stopped. */
const left = JSON.parse(
  readFileSync(join(import.meta.dirname, "test-support", "attempt-of-0.1.0.json"), "utf8"),
) as Record<string, string>;

/** Lays it on the machine, with other texts for some of its files. */
async function layDown(on: Machine, over: Record<string, (text: string) => string> = {}): Promise<string> {
  const attemptDir = join(on.dataDir, "attempts", "7-1");
  for (const [path, text] of Object.entries(left)) {
    const here = text.replaceAll("@DATA@", on.dataDir).replaceAll("@BOOT@", bootId());
    mkdirSync(join(attemptDir, dirname(path)), { recursive: true });
    writeFileSync(join(attemptDir, path), over[path]?.(here) ?? here);
  }
  // The code was in the cache, since the run used it.
  if (!isDigest(on.code)) throw new Error("no digest");
  const { cache } = await on.live(new Crasher(noCrash));
  await cache.ensureTree(on.code, on.transport, {});
  return attemptDir;
}

async function expectWhole(on: Machine): Promise<void> {
  const attempt = await resume(on);
  const result = await resultOf(attempt);
  expect(result).toMatchObject({ exitCode: 3, cause: "exit" });
  expect(pathsIn(on.transport, result?.outputTree ?? "")).toEqual(["a.txt", "deep/b.txt"]);
  expect(textsOf(await on.archive.entries())).toEqual([
    ...["Run is building", "Run is running", "one", "two", "three", "Run is saving", "Run is pushing"],
    "Found 2 new or modified files (9 bytes)",
  ]);
  await attempt.abandon();
  expect(readdirSync(join(on.dataDir, "attempts"))).toEqual([]);
}

describe("an attempt that version 0.1.0 left", () => {
  test("is taken over: its exit code, its log and its files", async () => {
    await using on = await machine();
    await layDown(on);
    await expectWhole(on);
  });

  test("with fields and lines of a later version is taken over as well", async () => {
    await using on = await machine();
    const more = (text: string): string => {
      const [arrival = "", ...changes] = text.split("\n");
      const record = JSON.parse(arrival) as { spec: object };
      const later = { format: 1, ...record, spec: { ...record.spec, later: { deep: [1] } }, later: "x" };
      return [JSON.stringify(later), JSON.stringify({ laterChange: 1 }), ...changes].join("\n");
    };
    const field = (text: string): string => JSON.stringify({ ...(JSON.parse(text) as object), later: null });
    await layDown(on, { "attempt.jsonl": more, "sandbox/run.json": field });
    await expectWhole(on);
  });

  test("in a newer format is left as it is, with a sentence", async () => {
    await using on = await machine();
    const newer = (text: string): string => `{"format":2,${text.slice(1)}`;
    const attemptDir = await layDown(on, { "attempt.jsonl": newer });
    const before = readFileSync(join(attemptDir, "attempt.jsonl"), "utf8");
    expect(() => openJournals(on.dataDir)).toThrow(
      expect.objectContaining({
        reason: "newer-journal",
        message: `A newer version of the agent left ${attemptDir} (format 2; this version knows 1): start that one again. Nothing was touched, and the run goes on.`,
      }) as Error,
    );
    expect(readFileSync(join(attemptDir, "attempt.jsonl"), "utf8")).toBe(before);
    expect(readdirSync(attemptDir)).toContain("output.log");
  });
});
