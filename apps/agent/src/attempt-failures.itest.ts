/** What an attempt says when its files are gone or damaged, its machine's or another's disk is full: the real causes. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "@spell/domain";
import { SpellError } from "@spell/domain";
import type { AttemptResult } from "@spell/rpc";
import { describe, expect, test } from "vitest";
import type { AttemptServices } from "./attempt-services.ts";
import type { Machine } from "./test-support/attempt-machine.ts";
import { begin, beginWith, machine, noCrash, pathsIn, resultOf, textsOf } from "./test-support/attempt-machine.ts";
import { Crasher } from "./test-support/crash-point.ts";

const GONE = "ab".repeat(32) as Digest;

/** The outputs of an earlier attempt on this machine, as a mount of the next one. */
async function outputsOf(on: Machine, command: string): Promise<string> {
  const attempt = await begin(on, new Crasher(noCrash), { command });
  const result = await resultOf(attempt);
  await attempt.abandon();
  return result?.outputTree ?? "";
}

function mountOf(digest: string) {
  return { resource: "runs/3/out", path: "/data", isFile: false, executable: false, digest, sizeBytes: 0 };
}

async function failureWith(on: Machine, more: Parameters<typeof begin>[2]): Promise<AttemptResult | undefined> {
  const attempt = await begin(on, new Crasher(noCrash), more);
  const result = await resultOf(attempt);
  await attempt.abandon();
  return result;
}

describe("what a run was to see", () => {
  test("code that nobody knows any more", async () => {
    await using on = await machine();
    expect(await failureWith(on, { codeTree: GONE })).toMatchObject({
      ...{ cause: "build", reasonCode: "no-such-resource" },
      reason: expect.stringMatching(/^The code could not be fetched: .*It was there when the run was made.*spell fsck/),
    });
  });

  test("a mount that nobody knows any more is named", async () => {
    await using on = await machine();
    expect(await failureWith(on, { mounts: [mountOf(GONE)] })).toMatchObject({
      ...{ cause: "mount", reasonCode: "no-such-resource" },
      reason: expect.stringMatching(/^The mount runs\/3\/out at \/data could not be made: /),
    });
  });

  test.each(["lost", "damaged"])(
    "bytes that are %s in the store",
    async (what) => {
      await using on = await machine();
      const tree = await outputsOf(on, "head -c 100000 /dev/urandom > big");
      rmSync(join(on.dataDir, "cache"), { recursive: true });
      for (const [key, bytes] of on.server.objects) {
        if (what === "lost") on.server.objects.delete(key);
        else on.server.objects.set(key, Buffer.alloc(bytes.length));
      }
      expect(await failureWith(on, { codeTree: "", codeRoot: "", mounts: [mountOf(tree)] })).toMatchObject({
        ...{ cause: "mount", reasonCode: "bytes-corrupt" },
        reason: expect.stringMatching(/^The mount runs\/3\/out at \/data could not be made: .*spell fsck/),
      });
    },
    60_000,
  );
});

describe("a full disk", () => {
  test("while outputs are stored costs nothing: they wait for room, and the log says so", async () => {
    await using on = await machine();
    const services = await on.live(new Crasher(noCrash));
    let left = 2;
    const trees: AttemptServices["trees"] = (lease) => {
      const transport = services.trees(lease);
      return {
        findMissing: (request) => transport.findMissing(request),
        readTree: (request) => transport.readTree(request),
        commitTree: (request) =>
          left-- > 0
            ? Promise.reject(new SpellError("exhausted", "The disk of the record is full.", { reason: "disk-full" }))
            : transport.commitTree(request),
      };
    };
    const attempt = beginWith(on, { ...services, trees });
    const result = await resultOf(attempt);
    expect(result).toMatchObject({ cause: "exit", exitCode: 3 });
    expect(pathsIn(on.transport, result?.outputTree ?? "")).toEqual(["a.txt", "c", "deep/er/b.txt"]);
    const waiting = textsOf(await on.archive.entries()).filter((text) => text.startsWith("Waiting"));
    expect(waiting).toEqual(["Waiting, and trying again: The disk of the record is full."]);
    await attempt.abandon();
  });

  test("that takes no line of the log costs a run that has run neither its outputs nor its stop", async () => {
    await using on = await machine();
    const services = await on.live(new Crasher(noCrash));
    const openLog: AttemptServices["openLog"] = async (lease, attemptDir) => {
      const shipper = await services.openLog(lease, attemptDir);
      const note: typeof shipper.note = (entry) =>
        ["saving", "pushing", "stopping"].includes(entry.status)
          ? Promise.reject(new SpellError("unavailable", "A notice cannot be written: ENOSPC."))
          : shipper.note(entry);
      return new Proxy(shipper, {
        get: (target, key) => {
          if (key === "note") return note;
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        },
      });
    };
    const command = "echo x > kept; trap 'exit 4' TERM; while :; do sleep 0.01; done";
    const attempt = beginWith(on, { ...services, openLog }, { command });
    attempt.request("stop");
    const result = await resultOf(attempt);
    expect(result).toMatchObject({ cause: "stop" });
    await attempt.abandon();
  });
});
