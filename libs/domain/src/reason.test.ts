import { describe, expect, it } from "vitest";
import type { EndReason } from "./reason.ts";
import type { EndedEvent, RunPosition } from "./run-event.ts";
import { transition } from "./transition.ts";

const RUNNING = { status: "running" } as const;

function reasonOfEnd(ended: Omit<EndedEvent, "type">, run: RunPosition): EndReason | undefined {
  const result = transition(run, { type: "ended", ...ended });
  return result.kind === "changed" ? result.end : undefined;
}

describe("the reason of an end", () => {
  it.each([
    [0, "complete", "exit-code", "The command exited with code 0."],
    [1, "failed", "exit-code", "The command exited with code 1."],
    [-1, "failed", "exit-code", "The command exited with code -1."],
    [127, "failed", "exit-code", "The command exited with code 127."],
    [128, "failed", "exit-code", "The command exited with code 128."],
    [129, "failed", "signal", "The command was ended by signal 1 (SIGHUP)."],
    [137, "failed", "signal", "The command was ended by signal 9 (SIGKILL)."],
    [143, "failed", "signal", "The command was ended by signal 15 (SIGTERM)."],
    [192, "failed", "signal", "The command was ended by signal 64."],
    [193, "failed", "exit-code", "The command exited with code 193."],
    [255, "failed", "exit-code", "The command exited with code 255."],
  ] as const)("exit code %i", (exitCode, status, code, sentence) => {
    expect(reasonOfEnd({ cause: "exit", exitCode }, RUNNING)).toEqual({ status, code, sentence });
  });

  it("does not take a missing exit code for success", () => {
    expect(reasonOfEnd({ cause: "exit" }, RUNNING)).toEqual({
      status: "interrupted",
      code: "process-lost",
      sentence: expect.stringMatching(/^The run's process is gone and left no exit code/),
    });
  });

  it("an agent's reason for an exit does not hide the code", () => {
    const end = reasonOfEnd({ cause: "exit", exitCode: 3, reasonCode: "", reason: "" }, RUNNING);
    expect(end).toEqual({ status: "failed", code: "exit-code", sentence: "The command exited with code 3." });
  });

  it.each([
    ["build", "build_failed", "build-error"],
    ["mount", "mount_failed", "mount-error"],
    ["save", "failed", "save-error"],
    ["lost", "interrupted", "process-lost"],
  ] as const)("%s without a reason has a general one", (cause, status, code) => {
    const end = reasonOfEnd({ cause, reasonCode: "", reason: "" }, RUNNING);
    expect(end).toEqual({
      status,
      code,
      sentence: expect.stringMatching(/^The run's .*\.$|^A mount .*\.$|^The outputs .*\.$/),
    });
  });

  it.each(["build", "mount", "save"] as const)("%s keeps the agent's reason", (cause) => {
    expect(reasonOfEnd({ cause, reasonCode: "disk-full", reason: "The disk is full." }, RUNNING)).toMatchObject({
      code: "disk-full",
      sentence: "The disk is full.",
    });
  });

  it("keeps what a lost attempt's agent says of it, but not what only another end can come from", () => {
    const rebooted = { cause: "lost", reasonCode: "machine-rebooted", reason: "Power cut." } as const;
    expect(reasonOfEnd(rebooted, RUNNING)).toMatchObject({ code: "machine-rebooted", sentence: "Power cut." });
    const full = { cause: "lost", reasonCode: "disk-full", reason: "The disk is full." } as const;
    expect(reasonOfEnd(full, RUNNING)).toMatchObject({ code: "process-lost", sentence: "The disk is full." });
  });

  it.each(["out-of-memory", "disk-quota"] as const)(
    "%s is the program's doing, unless it exited with 0 all the same",
    (code) => {
      const ended = { cause: "exit", reasonCode: code, reason: "Too much." } as const;
      expect(reasonOfEnd({ ...ended, exitCode: 137 }, RUNNING)).toEqual({
        status: "failed",
        code,
        sentence: "Too much.",
      });
      expect(reasonOfEnd({ ...ended, exitCode: 137, nonZeroExit: "complete" }, RUNNING)).toMatchObject({
        status: "failed",
      });
      expect(reasonOfEnd({ ...ended, exitCode: 0 }, RUNNING)).toMatchObject({ status: "complete", code: "exit-code" });
    },
  );

  it("names who stopped or killed", () => {
    const stopping = { status: "stopping", requested: "stop", requestedBy: "ann" } as const;
    expect(reasonOfEnd({ cause: "stop", exitCode: 143 }, stopping)).toEqual({
      status: "stopped",
      code: "stopped-by",
      sentence: "Stopped by ann.",
    });
    expect(reasonOfEnd({ cause: "kill" }, RUNNING)).toEqual({
      status: "killed",
      code: "killed-by",
      sentence: "Killed by the user.",
    });
  });

  it.each(["exit", "stop", "kill", "build", "mount", "save", "lost"] as const)(
    "a kill that was asked for wins over %s",
    (cause) => {
      const killing = { status: "killing", requested: "kill", requestedBy: "bob" } as const;
      expect(reasonOfEnd({ cause, exitCode: 0, reasonCode: "x", reason: "X." }, killing)).toEqual({
        status: "killed",
        code: "killed-by",
        sentence: "Killed by bob.",
      });
    },
  );
});
