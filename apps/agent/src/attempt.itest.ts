/** One attempt on real parts (sandbox, cache, log shipper), killed at every call it makes of them, and resumed. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "@spell/domain";
import { SpellError } from "@spell/domain";
import type { AttemptResult } from "@spell/rpc";
import { openTreeCache } from "@spell/spellfs";
import type { TreeCache, TreeTransport } from "@spell/spellfs";
import { waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { openJournals } from "./attempt-journal.ts";
import { Attempt } from "./attempt.ts";
import type { Machine } from "./test-support/attempt-machine.ts";
import {
  begin,
  beginWith,
  machine,
  noCrash,
  pathsIn,
  resultOf,
  resume,
  textsOf,
} from "./test-support/attempt-machine.ts";
import { Crasher } from "./test-support/crash-point.ts";

const LOG = [
  "Run is building",
  "Run is running",
  "one",
  "two",
  "Run is saving",
  "Run is pushing",
  "Found 2 new or modified files (9 bytes)",
];

async function expectWhole(on: Machine, result: AttemptResult | undefined): Promise<void> {
  expect(result).toMatchObject({ exitCode: 3, cause: "exit", logEntries: LOG.length });
  expect(pathsIn(on.transport, result?.outputTree ?? "")).toEqual(["a.txt", "c", "deep/er/b.txt"]);
  expect(textsOf(await on.archive.entries())).toEqual(LOG);
}

describe("an attempt", () => {
  test("killed before or after any call of its parts, goes on: one log, all outputs, one result", async () => {
    const calls = new Crasher(noCrash);
    {
      await using on = await machine();
      const attempt = await begin(on, calls);
      await expectWhole(on, await resultOf(attempt));
      await attempt.abandon();
      expect(readdirSync(join(on.dataDir, "attempts"))).toEqual([]);
    }
    // The calls of a whole life, `abandon` among them, whose crash points say nothing about the result.
    const count = calls.calls.lastIndexOf("archive.store") + 1;
    expect(calls.calls.slice(0, count)).toEqual(
      expect.arrayContaining([
        "executor.start",
        "execution.written",
        "trees.commitTree",
        "cache.adopt",
        "archive.store",
      ]),
    );
    const points = Array.from({ length: count }, (_, index) => index + 1).flatMap((call) => [
      { call, when: "before" as const },
      { call, when: "after" as const },
    ]);
    for (const point of points) {
      await using on = await machine();
      const crasher = new Crasher(point);
      await begin(on, crasher);
      await crasher.died;
      await on.stopShippers();
      const attempt = await resume(on);
      const what = `killed ${point.when} call ${point.call}, ${calls.calls[point.call - 1] ?? ""}`;
      await expectWhole(on, await resultOf(attempt)).catch((error: unknown) => {
        throw new Error(what, { cause: error });
      });
      await attempt.abandon();
      expect(readdirSync(join(on.dataDir, "attempts")), what).toEqual([]);
    }
  }, 120_000);

  test("files that no tree can hold are named in the log and cost nothing else", async () => {
    await using on = await machine();
    const command = "touch good; touch $'bad\\nname' $'\\377'; ln -s /etc/passwd out";
    const attempt = await begin(on, new Crasher(noCrash), { command });
    const result = await resultOf(attempt);
    expect(result).toMatchObject({ exitCode: 0, cause: "exit" });
    expect(pathsIn(on.transport, result?.outputTree ?? "")).toEqual(["good"]);
    const log = textsOf(await on.archive.entries()).join("\n");
    expect(log).toContain('Left out of the outputs: "bad\\nname" (');
    expect(log).toContain('Left out of the outputs: "\ufffd" (its name is not UTF-8)');
    expect(log).toContain('Left out of the outputs: "out" (');
    await attempt.abandon();
  });

  test("outputs that cannot be moved into the cache are stored all the same", async () => {
    await using on = await machine();
    const services = await on.live(new Crasher(noCrash));
    const full = new SpellError("exhausted", "The disk is full.", { reason: "disk-full" });
    const cache: TreeCache = {
      ensureTree: (...request) => services.cache.ensureTree(...request),
      ensureFile: (...request) => services.cache.ensureFile(...request),
      hasBlob: (digest) => services.cache.hasBlob(digest),
      findBlobs: (...request) => services.cache.findBlobs(...request),
      sendBlobs: (...request) => services.cache.sendBlobs(...request),
      hold: (holder, contents) => services.cache.hold(holder, contents),
      release: (holder) => services.cache.release(holder),
      trim: () => services.cache.trim(),
      size: () => services.cache.size(),
      adopt: () => Promise.reject(full),
      keepNodes: (nodes) => services.cache.keepNodes(nodes),
    };
    const attempt = beginWith(on, { ...services, cache });
    await expectWhole(on, await resultOf(attempt));
    await attempt.abandon();
  });

  test("the next stage on this machine asks nobody for the outputs and copies none of their bytes", async () => {
    await using on = await machine();
    const services = await on.live(new Crasher(noCrash));
    const command = `mkdir -p d/e; echo a > d/e/f; truncate -s 64M sparse; echo x > run; chmod +x run; stat -c %i d/e/f sparse run`;
    const attempt = beginWith(on, services, { command });
    const result = await resultOf(attempt);
    await attempt.abandon();
    const nobody: TreeTransport = {
      findMissing: () => Promise.reject(new Error("asked")),
      commitTree: () => Promise.reject(new Error("asked")),
      readTree: () => {
        throw new Error("asked");
      },
    };
    const path = await services.cache.ensureTree(result?.outputTree as Digest, nobody);
    const log = textsOf(await on.archive.entries());
    const found = ["d/e/f", "sparse", "run"].map((name) => String(statSync(join(path, name)).ino));
    expect(log).toEqual(expect.arrayContaining(found));
    expect(statSync(join(path, "sparse"))).toMatchObject({ size: 64 * 2 ** 20, blocks: 0 });
  });

  test("outputs wait for a store that is away, and the log says what is waited for", async () => {
    await using on = await machine();
    const services = await on.live(new Crasher(noCrash));
    let left = 2;
    const trees = (): TreeTransport => ({
      findMissing: (request) => on.transport.findMissing(request),
      readTree: (request) => on.transport.readTree(request),
      commitTree: (request) =>
        left-- > 0
          ? Promise.reject(new SpellError("unavailable", "The object store does not answer."))
          : on.transport.commitTree(request),
    });
    const attempt = beginWith(on, { ...services, trees });
    const result = await resultOf(attempt);
    expect(pathsIn(on.transport, result?.outputTree ?? "")).toEqual(["a.txt", "c", "deep/er/b.txt"]);
    const waiting = textsOf(await on.archive.entries()).filter((text) => text.startsWith("Waiting"));
    expect(waiting).toEqual(["Waiting, and trying again: The object store does not answer."]);
    await attempt.abandon();
  });

  test("what a run uses stays in the cache while it runs, also when the agent was started again in between", async () => {
    await using on = await machine();
    const before = await begin(on, new Crasher(noCrash), { command: "touch up; sleep 600" });
    await waitFor("the run", () => before.report().phase === "running");
    await before.detach();
    const small = await openTreeCache({ directory: join(on.dataDir, "cache"), limitBytes: 1 });
    const services = { ...(await on.live(new Crasher(noCrash))), cache: small };
    const [left] = openJournals(on.dataDir).found;
    if (left === undefined) throw new Error("no attempt on the disk");
    const attempt = new Attempt(services, left);
    attempt.resume();
    await small.trim();
    const trees = (): string[] => readdirSync(join(on.dataDir, "cache/trees"));
    expect(trees()).toEqual([on.code]);
    attempt.request("kill");
    await resultOf(attempt);
    await attempt.abandon();
    await small.trim();
    expect(trees()).toEqual([]);
  });

  test("a log that cannot be opened for lack of room ends the run with that reason", async () => {
    await using on = await machine();
    const services = await on.live(new Crasher(noCrash));
    const full = Object.assign(new Error("ENOSPC: no space left on device, open"), { code: "ENOSPC" });
    const attempt = beginWith(on, { ...services, openLog: () => Promise.reject(full) });
    expect(await resultOf(attempt)).toMatchObject({
      cause: "build",
      reasonCode: "disk-full",
      reason: expect.stringContaining("disk is full"),
      logEntries: 0,
    });
    await attempt.abandon();
  });
});
