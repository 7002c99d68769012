/** The state machine, held against any order of events and against its own tables. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EndReason } from "./reason.ts";
import { ATTEMPT_CAUSES } from "./run-event.ts";
import type { RunEvent, RunPosition } from "./run-event.ts";
import { FINAL_STATUSES, PHASES, TRANSIENT_STATUSES, isFinal } from "./status.ts";
import type { Phase, RunStatus, TransientStatus } from "./status.ts";
import { transition } from "./transition.ts";
import type { Transition } from "./transition.ts";

/** Keys of absent values are left out, as an agent's report leaves them out. */
const ended: fc.Arbitrary<RunEvent> = fc.record(
  {
    type: fc.constant("ended" as const),
    cause: fc.constantFrom(...ATTEMPT_CAUSES),
    exitCode: fc.oneof(fc.constant(0), fc.integer({ min: -1, max: 300 })),
    reasonCode: fc.constantFrom("", "out-of-memory"),
    reason: fc.constantFrom("", "The machine ran out of memory."),
  },
  { requiredKeys: ["type", "cause"] },
);
const event: fc.Arbitrary<RunEvent> = fc.oneof(
  fc.constant<RunEvent>({ type: "assigned" }),
  { weight: 4, arbitrary: fc.constantFrom(...PHASES).map<RunEvent>((phase) => ({ type: "phase", phase })) },
  fc.constantFrom("ann", "bob").map<RunEvent>((by) => ({ type: "stop-requested", by })),
  fc.constantFrom("ann", "bob").map<RunEvent>((by) => ({ type: "kill-requested", by })),
  ended,
  fc.constant<RunEvent>({ type: "lost", reasonCode: "agent-lost", reason: "Its agent was not heard for 60 s." }),
);

interface Step {
  before: RunPosition;
  event: RunEvent;
  result: Transition;
  after: RunPosition;
}

const QUEUED: RunPosition = { status: "machine_requested" };

function walk(events: readonly RunEvent[], start: RunPosition = QUEUED): Step[] {
  let position = start;
  return events.map((each) => {
    const before = position;
    const result = transition(before, each);
    position = result.kind === "changed" ? result.next : before;
    return { before, event: each, result, after: position };
  });
}

function holdsForAnySequence(check: (steps: Step[]) => void): void {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20 }), (events) => check(walk(events))),
    { numRuns: 400 },
  );
}

function end(step: Step): EndReason | undefined {
  return step.result.kind === "changed" ? step.result.end : undefined;
}

describe("any sequence of events", () => {
  it("never changes a final status", () => {
    holdsForAnySequence((steps) => {
      for (const { before, result, after } of steps) {
        if (!isFinal(before.status)) continue;
        expect(result.kind).not.toBe("changed");
        expect(after).toEqual(before);
      }
    });
  });

  it("gives exactly one end reason, with the final status, and none before", () => {
    holdsForAnySequence((steps) => {
      const ends = steps.filter((step) => end(step) !== undefined);
      const last = steps.at(-1)?.after.status ?? "machine_requested";
      expect(ends).toHaveLength(isFinal(last) ? 1 : 0);
      for (const step of ends) {
        const reason = end(step);
        expect(reason?.status).toBe(step.after.status);
        expect(reason?.code).toMatch(/^[a-z-]+$/);
        expect(reason?.sentence).toMatch(/^[A-Z].*\.$/);
      }
    });
  });

  it("ends killed whenever a kill was accepted before the end", () => {
    holdsForAnySequence((steps) => {
      const kill = steps.findIndex(
        ({ event: each, before }) => each.type === "kill-requested" && !isFinal(before.status),
      );
      const final = steps.at(-1)?.after.status ?? "machine_requested";
      if (kill >= 0 && isFinal(final)) expect(final).toBe("killed");
    });
  });

  it("is complete only by an exit with code 0 that nobody killed", () => {
    holdsForAnySequence((steps) => {
      for (const { event: each, after, before } of steps) {
        if (after.status !== "complete" || before.status === "complete") continue;
        expect(each).toMatchObject({ type: "ended", cause: "exit", exitCode: 0 });
        expect(before.requested).not.toBe("kill");
      }
    });
  });

  it("never leaves killing but to an end", () => {
    holdsForAnySequence((steps) => {
      for (const { before, after } of steps) {
        if (before.status === "killing") expect(["killing", "killed"]).toContain(after.status);
      }
    });
  });

  it("walks the phases forward only", () => {
    const order: readonly RunStatus[] = ["machine_requested", ...PHASES];
    holdsForAnySequence((steps) => {
      const passed = steps.map((step) => order.indexOf(step.after.status)).filter((index) => index >= 0);
      expect(passed).toEqual([...passed].sort((left, right) => left - right));
    });
  });

  it("changes something exactly when it says changed, and never forgets a kill", () => {
    holdsForAnySequence((steps) => {
      for (const { before, result, after } of steps) {
        if (result.kind === "changed") expect(after).not.toEqual(before);
        if (before.requested === "kill") expect(after.requested).toBe("kill");
        if (before.requested === "stop") expect(after.requested).toBeDefined();
      }
    });
  });
});

function after(status: RunStatus, each: RunEvent, requested?: "stop" | "kill"): string {
  const result = transition({ status, requested, requestedBy: requested && "ann" }, each);
  return result.kind === "changed" ? result.next.status : result.kind;
}

describe("the user's will", () => {
  const stop: RunEvent = { type: "stop-requested", by: "ann" };
  const kill: RunEvent = { type: "kill-requested", by: "ann" };

  it.each<[TransientStatus, string]>([
    ["machine_requested", "killed"],
    ["building", "killing"],
    ["mounting", "killing"],
    ["running", "stopping"],
    ["stopping", "unchanged"],
    ["killing", "unchanged"],
    ["saving", "unchanged"],
    ["pushing", "unchanged"],
  ])("stop while %s: %s", (status, expected) => {
    expect(after(status, stop)).toBe(expected);
  });

  it.each<[TransientStatus, string]>([
    ["machine_requested", "killed"],
    ["building", "killing"],
    ["mounting", "killing"],
    ["running", "killing"],
    ["stopping", "killing"],
    ["killing", "unchanged"],
    ["saving", "killing"],
    ["pushing", "killing"],
  ])("kill while %s: %s", (status, expected) => {
    expect(after(status, kill)).toBe(expected);
  });

  it.each(["machine_requested", "building", "mounting"] as const)("stop while %s is remembered as a kill", (status) => {
    expect(transition({ status }, stop)).toMatchObject({
      kind: "changed",
      next: { requested: "kill", requestedBy: "ann" },
    });
  });

  it("cancels a waiting run with a reason that names who did it", () => {
    expect(transition(QUEUED, stop)).toEqual({
      kind: "changed",
      next: { status: "killed", requested: "kill", requestedBy: "ann" },
      effects: ["notice"],
      end: { status: "killed", code: "cancelled-before-start", sentence: "Cancelled by ann before it started." },
    });
  });

  it("names the one who killed, not the one who had asked to stop before", () => {
    const [, , , last] = walk([
      { type: "assigned" },
      { type: "phase", phase: "running" },
      stop,
      { type: "kill-requested", by: "bob" },
    ]);
    expect(last?.after).toEqual({ status: "killing", requested: "kill", requestedBy: "bob" });
  });

  it.each(FINAL_STATUSES)("is refused once the run is %s", (status) => {
    for (const each of [stop, kill, { type: "assigned" } as const]) {
      expect(transition({ status }, each)).toEqual({
        kind: "rejected",
        message: `the run has already ended (${status})`,
      });
    }
  });
});

describe("reports", () => {
  it.each(TRANSIENT_STATUSES.filter((status) => status !== "machine_requested"))(
    "a second machine while %s is refused",
    (status) => {
      expect(transition({ status }, { type: "assigned" }).kind).toBe("rejected");
    },
  );

  it.each(FINAL_STATUSES)("late ones change nothing once the run is %s", (status) => {
    const late: RunEvent[] = [
      ...PHASES.map((phase): RunEvent => ({ type: "phase", phase })),
      { type: "ended", cause: "exit", exitCode: 0 },
      { type: "lost", reasonCode: "agent-lost", reason: "" },
    ];
    for (const each of late) expect(transition({ status }, each)).toEqual({ kind: "unchanged" });
  });

  it("a phase before any machine was given changes nothing", () => {
    for (const phase of PHASES) expect(after("machine_requested", { type: "phase", phase })).toBe("unchanged");
  });

  it.each<[TransientStatus, Phase[]]>([
    ["building", ["mounting", "running", "saving", "pushing"]],
    ["mounting", ["running", "saving", "pushing"]],
    ["running", ["saving", "pushing"]],
    ["stopping", ["saving", "pushing"]],
    ["killing", []],
    ["saving", ["pushing"]],
    ["pushing", []],
  ])("phases accepted while %s", (status, accepted) => {
    const changing = PHASES.filter((phase) => after(status, { type: "phase", phase }) === phase);
    expect(changing).toEqual(accepted);
    const others = PHASES.filter((phase) => !accepted.includes(phase));
    for (const phase of others) expect(after(status, { type: "phase", phase })).toBe("unchanged");
  });

  it("a lost attempt is interrupted, or killed when that was asked for", () => {
    const lost: RunEvent = { type: "lost", reasonCode: "agent-lost", reason: "Gone." };
    expect(after("running", lost)).toBe("interrupted");
    expect(after("stopping", lost, "stop")).toBe("interrupted");
    expect(after("killing", lost, "kill")).toBe("killed");
  });

  it("an exit during a stop counts as what it was", () => {
    expect(after("stopping", { type: "ended", cause: "exit", exitCode: 0 }, "stop")).toBe("complete");
    expect(after("stopping", { type: "ended", cause: "stop", exitCode: 143 }, "stop")).toBe("stopped");
  });
});
