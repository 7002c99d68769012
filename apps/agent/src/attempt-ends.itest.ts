/** Stop, kill and the command's own end, in every order, with the agent killed in between: each has the one stated winner. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { openJournals } from "./attempt-journal.ts";
import type { AttemptServices } from "./attempt-services.ts";
import { Attempt } from "./attempt.ts";
import type { Execution } from "./executors/executor.ts";
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

/** Says so when it is up; ends by itself, with 0, at SIGUSR1, and as `onTerm` says when it is asked to. */
function commandOf(onTerm: string): string {
  return `echo early > early.txt; trap 'exit 0' USR1; trap '${onTerm}' TERM; echo up; while :; do sleep 0.01; done`;
}

/** Lets the command end by itself. */
async function endByItself(execution: Execution | undefined): Promise<void> {
  // The first is the sandbox's, the second the command's shell.
  const [, shell] = (await execution?.processes()) ?? [];
  process.kill(shell ?? expect.fail("the command does not run"), "SIGUSR1");
  await execution?.exited;
}

async function isUp(attempt: Attempt): Promise<void> {
  const spool = join(attempt.attemptDir, "output.log");
  await waitFor(
    "the command",
    () => attempt.report().phase === "running" && readFileSync(spool, "utf8").includes("up\n"),
  );
}

/** Parts of an agent for which the command's end is not known before `open` is called, though it stands on the disk. */
function hidingEnds(services: AttemptServices): {
  services: AttemptServices;
  open: () => void;
  execution: () => Execution;
} {
  const gate = Promise.withResolvers<void>();
  let made: Execution | undefined;
  const hiding = (execution: Execution): Execution => {
    made = execution;
    return new Proxy(execution, {
      get: (target, key) => {
        if (key === "exited") return gate.promise.then(() => target.exited);
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
  };
  const { executor } = services;
  return {
    open: gate.resolve,
    execution: () => made ?? expect.fail("nothing was started"),
    services: {
      ...services,
      executor: {
        name: executor.name,
        check: () => executor.check(),
        adopt: (attemptDir) => executor.adopt(attemptDir),
        start: async (spec) => hiding(await executor.start(spec)),
      },
    },
  };
}

/** Parts of an agent that hold the commit of outputs back until `go`. */
function holdingCommit(services: AttemptServices): {
  services: AttemptServices;
  reached: Promise<void>;
  go: () => void;
} {
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const trees: AttemptServices["trees"] = (lease) => {
    const transport = services.trees(lease);
    return {
      findMissing: (request) => transport.findMissing(request),
      readTree: (request) => transport.readTree(request),
      commitTree: async (request) => {
        reached.resolve();
        await gate.promise;
        return transport.commitTree(request);
      },
    };
  };
  return { services: { ...services, trees }, reached: reached.promise, go: gate.resolve };
}

describe("stop against the command's own end", () => {
  test.each([
    ["with 0", "echo late > late.txt; exit 0", 0],
    ["with a code of its own", "exit 5", 5],
    ["by the signal", "trap - TERM; kill $$", 143],
  ])("a command that ends %s because it was asked to stop was stopped", async (_how, onTerm, exitCode) => {
    await using on = await machine();
    const attempt = await begin(on, new Crasher(noCrash), { command: commandOf(onTerm) });
    await isUp(attempt);
    attempt.request("stop");
    const result = await resultOf(attempt);
    expect(result).toMatchObject({ cause: "stop", exitCode });
    expect(pathsIn(on.transport, result?.outputTree ?? "")).toContain("early.txt");
    await attempt.abandon();
  });

  test("a command that had exited before the stop came has ended by itself, though nobody knew of it yet", async () => {
    await using on = await machine();
    const hiding = hidingEnds(await on.live(new Crasher(noCrash)));
    const attempt = beginWith(on, hiding.services, { command: commandOf("exit 9") });
    await isUp(attempt);
    await endByItself(hiding.execution());
    expect(attempt.report().phase).toBe("running");
    attempt.request("stop");
    hiding.open();
    expect(await resultOf(attempt)).toMatchObject({ cause: "exit", exitCode: 0 });
    expect(textsOf(await on.archive.entries())).not.toContain("Run is stopping");
    await attempt.abandon();
  });

  test("a stop that comes while outputs are saved changes nothing", async () => {
    await using on = await machine();
    const held = holdingCommit(await on.live(new Crasher(noCrash)));
    const attempt = beginWith(on, held.services);
    await held.reached;
    attempt.request("stop");
    held.go();
    expect(await resultOf(attempt)).toMatchObject({ cause: "exit", exitCode: 3 });
    await attempt.abandon();
  });

  test("asked twice, the command is asked once", async () => {
    await using on = await machine();
    const command = commandOf("echo asked; echo x >> asked.txt; sleep 0.3; exit 4");
    const attempt = await begin(on, new Crasher(noCrash), { command });
    await isUp(attempt);
    for (let again = 0; again < 3; again += 1) attempt.request("stop");
    expect(await resultOf(attempt)).toMatchObject({ cause: "stop", exitCode: 4 });
    expect(textsOf(await on.archive.entries()).filter((text) => text === "asked")).toEqual(["asked"]);
    await attempt.abandon();
  });

  test("a stop that came while an earlier life of the agent was ending is remembered, and the coordinator need not repeat it", async () => {
    await using on = await machine();
    const life = new Crasher(noCrash);
    const before = await begin(on, life, { command: commandOf("exit 6") });
    await isUp(before);
    life.kill();
    await on.stopShippers();
    // Written down, and killed before the signal was sent.
    const [journal] = openJournals(on.dataDir).found;
    journal?.append({ stopSent: true, stopSentAtMs: Number(process.hrtime.bigint() / 1_000_000n) });
    await journal?.close();
    const attempt = await resume(on);
    expect(await resultOf(attempt)).toMatchObject({ cause: "stop", exitCode: 6 });
    await attempt.abandon();
  });

  test("a stop that the next life of the agent hears of before it has looked for the command is not lost", async () => {
    await using on = await machine();
    const life = new Crasher(noCrash);
    const before = await begin(on, life, { command: commandOf("exit 6") });
    await isUp(before);
    life.kill();
    await on.stopShippers();
    const [journal] = openJournals(on.dataDir).found;
    const attempt = new Attempt(await on.live(new Crasher(noCrash)), journal ?? expect.fail("no journal"));
    attempt.request("stop");
    attempt.resume();
    expect(await resultOf(attempt)).toMatchObject({ cause: "stop", exitCode: 6 });
    await attempt.abandon();
  });

  test("a command that exits while there is no agent has ended by itself, whatever the next agent is asked first", async () => {
    await using on = await machine();
    const life = new Crasher(noCrash);
    const before = await begin(on, life, { command: commandOf("exit 9") });
    await isUp(before);
    life.kill();
    await on.stopShippers();
    const services = await on.live(new Crasher(noCrash));
    await endByItself(await services.executor.adopt(before.attemptDir));
    const [journal] = openJournals(on.dataDir).found;
    const attempt = new Attempt(services, journal ?? expect.fail("no journal"));
    attempt.request("stop");
    attempt.resume();
    expect(await resultOf(attempt)).toMatchObject({ cause: "exit", exitCode: 0 });
    await attempt.abandon();
  });
});

describe("kill", () => {
  test.each([
    ["stop, then kill", ["stop", "kill"]],
    ["kill, then stop", ["kill", "stop"]],
    ["kill twice", ["kill", "kill"]],
  ])("%s: killed, and nothing is saved", async (_what, actions) => {
    await using on = await machine();
    const attempt = await begin(on, new Crasher(noCrash), { command: commandOf("") });
    await isUp(attempt);
    for (const action of actions) attempt.request(action);
    expect(await resultOf(attempt)).toMatchObject({ cause: "kill", outputTree: "" });
    await attempt.abandon();
  });

  test("while outputs are being stored: killed, and none are named", async () => {
    await using on = await machine();
    const held = holdingCommit(await on.live(new Crasher(noCrash)));
    const attempt = beginWith(on, held.services);
    await held.reached;
    attempt.request("kill");
    held.go();
    expect(await resultOf(attempt)).toMatchObject({ cause: "kill", outputTree: "" });
    await attempt.abandon();
  });
});

test("stopped, with the agent killed at any call after that: stopped, with everything the command wrote", async () => {
  const calls = new Crasher(noCrash);
  let first: number;
  {
    await using on = await machine();
    const attempt = await begin(on, calls, { command: commandOf("echo late > late.txt; exit 0") });
    await isUp(attempt);
    first = calls.calls.length + 1;
    attempt.request("stop");
    await resultOf(attempt);
    await attempt.abandon();
  }
  const last = calls.calls.lastIndexOf("archive.store") + 1;
  expect(calls.calls.slice(first - 1, last)).toEqual(
    expect.arrayContaining(["execution.signal", "execution.written", "trees.commitTree"]),
  );
  for (let call = first; call <= last; call += 1) {
    await using on = await machine();
    const crasher = new Crasher({ call, when: call % 2 === 0 ? "before" : "after" });
    const killed = await begin(on, crasher, { command: commandOf("echo late > late.txt; exit 0") });
    await isUp(killed);
    killed.request("stop");
    await crasher.died;
    await on.stopShippers();
    const attempt = await resume(on);
    const result = await resultOf(attempt);
    const what = `killed at ${calls.calls[call - 1] ?? ""}`;
    expect(result, what).toMatchObject({ cause: "stop", exitCode: 0 });
    expect(pathsIn(on.transport, result?.outputTree ?? ""), what).toEqual(["early.txt", "late.txt"]);
    await attempt.abandon();
  }
}, 60_000);
