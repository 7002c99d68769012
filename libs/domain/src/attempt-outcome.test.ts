import { describe, expect, it } from "vitest";
import { OUTCOME_TABLE, attemptOutcome } from "./attempt-outcome.ts";
import type { AttemptFact } from "./attempt-outcome.ts";
import { reasonRow } from "./reason-table.ts";
import { transition } from "./transition.ts";

const FACTS = OUTCOME_TABLE.map(({ when }) => when);

function causeOf(...facts: AttemptFact[]): string {
  return attemptOutcome(new Set(facts)).cause;
}

describe("attemptOutcome", () => {
  it("a kill wins over everything, and saves nothing", () => {
    for (const fact of FACTS) {
      expect(attemptOutcome(new Set<AttemptFact>([fact, "killed"]))).toMatchObject({ cause: "kill", saves: false });
    }
  });

  it("of what is true at once, the one that comes first in the table counts, in whatever order it was noticed", () => {
    for (const [at, first] of OUTCOME_TABLE.entries()) {
      for (const second of OUTCOME_TABLE.slice(at)) {
        expect(attemptOutcome(new Set([second.when, first.when]))).toBe(first);
      }
    }
  });

  it("a stop that was sent makes an end stopped, but hides no fault of ours", () => {
    expect(causeOf("exited", "stop-sent")).toBe("stop");
    expect(causeOf("save-failed", "stop-sent")).toBe("save");
    expect(causeOf("exit-unknown", "stop-sent")).toBe("lost");
  });

  it("a stop that its user asked for wins over a machine that is taken away", () => {
    expect(causeOf("exited", "stop-sent", "reclaim-sent")).toBe("stop");
    expect(attemptOutcome(new Set(["exited", "reclaim-sent"]))).toMatchObject({ reason: "machine-reclaimed" });
  });

  it("only an end by the command, a stop, or a machine that is taken away saves", () => {
    expect(OUTCOME_TABLE.filter(({ saves }) => saves).map(({ cause }) => cause)).toEqual(["stop", "lost", "exit"]);
  });

  it.each(OUTCOME_TABLE)("$when ends a run, with its own reason where it has one", (row) => {
    const reasonCode = "reason" in row ? row.reason : "";
    const end = transition({ status: "running" }, { type: "ended", cause: row.cause, exitCode: 3, reasonCode });
    const code = end.kind === "changed" ? end.end?.code : undefined;
    if (reasonCode !== "") expect(code).toBe(reasonCode);
    expect(code !== undefined && reasonRow(code).statuses).toContain(end.kind === "changed" && end.next.status);
  });
});
