/** The user's program, the user's will and our fault are never mixed: every way a run can end, one by one. */
import { describe, expect, it } from "vitest";
import { DOERS, REASONS, REASON_CODES, isReasonCode, reasonRow, reasonSentence } from "./reason-table.ts";
import type { Doer } from "./reason-table.ts";
import { ATTEMPT_CAUSES, NON_ZERO_EXITS } from "./run-event.ts";
import type { RunEvent, RunPosition } from "./run-event.ts";
import { FINAL_STATUSES, TRANSIENT_STATUSES } from "./status.ts";
import { transition } from "./transition.ts";
import { TRANSITION_TABLE } from "./transition-table.ts";

const WILLS: readonly Omit<RunPosition, "status">[] = [
  {},
  { requested: "stop", requestedBy: "ann" },
  { requested: "stop", requestedBy: "a rule", stopReason: { code: "timed-out", sentence: "Stopped after 5 minutes." } },
  { requested: "stop", requestedBy: "a rule", stopReason: { code: "stop-condition", sentence: "Stopped: loss < 1." } },
  { requested: "kill", requestedBy: "bob" },
];

const GIVEN = ["", "no-such-code", ...REASON_CODES];

/** Everything that can end a run. */
function* endings(): Generator<RunEvent> {
  for (const reasonCode of GIVEN) {
    yield { type: "lost", reasonCode, reason: "Lost." };
    for (const cause of ATTEMPT_CAUSES)
      for (const exitCode of [undefined, 0, 3, 137, 143])
        for (const nonZeroExit of NON_ZERO_EXITS)
          yield { type: "ended", cause, exitCode, nonZeroExit, reasonCode, reason: "Given." };
  }
  yield { type: "stop-requested", by: "ann" };
  yield { type: "stop-requested", by: "a rule", reason: { code: "timed-out", sentence: "Stopped after 5 minutes." } };
  yield { type: "kill-requested", by: "bob" };
}

/** Whose doing it may have been, from what is known. */
function doersOf(run: RunPosition, event: RunEvent): readonly Doer[] {
  if (event.type === "stop-requested" || event.type === "kill-requested" || run.requested === "kill") return ["user"];
  if (event.type === "lost") return ["operator", "ours"];
  if (event.type !== "ended") return [];
  if (event.cause === "stop" || event.cause === "kill") return ["user"];
  return event.cause === "exit" && event.exitCode !== undefined ? ["program"] : ["operator", "ours"];
}

describe("every way a run can end", () => {
  const ends = TRANSIENT_STATUSES.flatMap((status) =>
    WILLS.flatMap((will) =>
      [...endings()].flatMap((event) => {
        const run = { status, ...will };
        const result = transition(run, event);
        return result.kind === "changed" && result.end !== undefined ? [{ run, event, end: result.end }] : [];
      }),
    ),
  );

  it("has a code of the table that goes with the status, and a sentence with nothing left open", () => {
    expect(ends.length).toBeGreaterThan(10_000);
    const wrong = ends.filter(
      ({ end }) => !reasonRow(end.code).statuses.includes(end.status) || !/^[A-Z][^{}]*\.$/.test(end.sentence),
    );
    expect(wrong).toEqual([]);
  });

  it("says whose doing it was, as what happened allows", () => {
    const wrong = ends.filter(({ end, run, event }) => !doersOf(run, event).includes(reasonRow(end.code).doing));
    expect(wrong).toEqual([]);
  });

  it("never calls anything complete but an exit with 0, unless the farm was told that others count", () => {
    const complete = ends.filter(({ end }) => end.status === "complete").map(({ event }) => event);
    const wrong = complete.filter(
      (event) =>
        event.type !== "ended" ||
        event.cause !== "exit" ||
        event.exitCode === undefined ||
        (event.exitCode !== 0 && event.nonZeroExit !== "complete"),
    );
    expect(wrong).toEqual([]);
  });

  it("reaches every code and every final status", () => {
    expect(new Set(ends.map(({ end }) => end.code))).toEqual(new Set(REASON_CODES));
    expect(new Set(ends.map(({ end }) => end.status))).toEqual(new Set(FINAL_STATUSES));
  });
});

describe("the table of reasons", () => {
  it.each(REASON_CODES)("%s: known words only, and statuses there are", (code) => {
    const { doing, statuses, sentence } = reasonRow(code);
    expect(DOERS).toContain(doing);
    expect(statuses.length).toBeGreaterThan(0);
    expect(sentence).toMatch(/^[A-Z].*\.$/);
    expect([...sentence.matchAll(/\{(\w+)\}/g)].every(([, name]) => /^(by|exitCode|signal)$/.test(name ?? ""))).toBe(
      true,
    );
  });

  it("no status can be both the will of the user and somebody else's doing", () => {
    for (const status of FINAL_STATUSES) {
      const codes = REASON_CODES.filter((code) => reasonRow(code).statuses.includes(status));
      const willed = codes.filter((code) => reasonRow(code).doing === "user");
      expect([0, codes.length], status).toContain(willed.length);
    }
  });

  it("takes nothing for a code that is none", () => {
    expect(["", "toString", "__proto__", "exit"].filter(isReasonCode)).toEqual([]);
  });

  it("fills in who and what", () => {
    expect(reasonSentence("killed-by", { by: "ann" })).toBe("Killed by ann.");
    expect(reasonSentence("signal", { exitCode: 137 })).toBe("The command was ended by signal 9 (SIGKILL).");
    expect(reasonSentence("stopped-by", { by: "{exitCode}" })).toBe("Stopped by {exitCode}.");
  });
});

describe("the table of transitions", () => {
  const table = TRANSITION_TABLE;

  it("gives a reason exactly where it ends a run, one that goes with the status", () => {
    for (const row of table) {
      const isEnd = (FINAL_STATUSES as readonly string[]).includes(row.to);
      expect(row.reason !== undefined, JSON.stringify(row)).toBe(isEnd);
      if (row.reason !== undefined) expect(REASONS[row.reason].statuses as readonly string[]).toContain(row.to);
    }
  });

  it("ends an attempt and its lease together, and writes the end into the log", () => {
    for (const { effects, reason, event } of table) {
      expect(effects.includes("end-attempt")).toBe(effects.includes("release-slot"));
      if (reason !== undefined) expect(effects).toContain("notice");
      if (event === "ended" || event === "lost") expect(effects).toContain("end-attempt");
    }
  });

  it("publishes outputs of ends that saved them only", () => {
    for (const { effects, to, reason } of table.filter((row) => row.effects.includes("publish-outputs"))) {
      expect(effects).toContain("end-attempt");
      if (reason !== "machine-reclaimed") expect(["complete", "failed", "stopped"]).toContain(to);
    }
  });
});
