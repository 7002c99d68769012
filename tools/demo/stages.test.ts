import { describe, expect, test } from "vitest";
import { parseWorkflow, stageTable } from "./stages.ts";

/** A row as `spell ps --json` prints it, with times in milliseconds after a moment. */
function row(id: number, given: Record<string, unknown> & { times?: [number, number?, number?] } = {}) {
  const [createdAt, startedAt, endedAt] = (given.times ?? [0, 50, 1050]).map((ms) =>
    ms === undefined ? null : new Date(Date.UTC(2026, 0, 1) + ms).toISOString(),
  );
  return {
    id,
    status: "complete",
    reason: "",
    run_type: "user",
    command: `command ${id}`,
    description: "",
    workflow_id: 9,
    created_at: createdAt,
    started_at: startedAt ?? null,
    ended_at: endedAt ?? null,
    ...given,
  };
}

const master = (id: number, workflowId: number) => row(id, { run_type: "workflow", workflow_id: workflowId });

describe("parseWorkflow", () => {
  test("gives the stages of the newest workflow in the order of their creation", () => {
    const rows = [
      master(1, 8),
      row(2, { workflow_id: 8 }),
      row(5, { description: "train", times: [1200, 1300, 26_300] }),
      row(6, { workflow_id: null }),
      master(3, 9),
      row(4, { description: "download", times: [0, 50, 250] }),
    ];
    const { master: found, stages } = parseWorkflow(JSON.stringify(rows));
    expect(found).toMatchObject({ runId: 3, status: "complete" });
    expect(stages.map(({ runId, title, waitedMs, tookMs }) => [runId, title, waitedMs, tookMs])).toEqual([
      [4, "download", 50, 200],
      [5, "train", 100, 25_000],
    ]);
  });

  test("a run that never started has no times; one without a name is called by its command", () => {
    const rows = [master(1, 9), row(2, { status: "machine_requested", times: [0] }), row(3, { times: [0, 10] })];
    expect(parseWorkflow(JSON.stringify(rows)).stages).toMatchObject([
      { title: "command 2", waitedMs: undefined, tookMs: undefined },
      { title: "command 3", waitedMs: 10, tookMs: undefined },
    ]);
  });

  test.each(["", "{}", "[]", '[{"id":1}]', JSON.stringify([row(1)])])("refuses %j", (text) => {
    expect(() => parseWorkflow(text)).toThrow();
  });
});

test("the table shows times, the status of what did not complete, and the sum", () => {
  const { stages } = parseWorkflow(
    JSON.stringify([
      master(1, 9),
      row(2, { description: "download", times: [0, 40, 240] }),
      row(3, { description: "train", times: [300, 380, 25_380], status: "failed" }),
      row(4, { description: "sample", times: [26_000], status: "machine_requested" }),
    ]),
  );
  expect(stageTable(stages)).toEqual([
    "  download   run 2   0.20 s              0.04 s to start",
    "  train      run 3   failed              0.08 s to start",
    "  sample     run 4   machine_requested   not started",
    "  together           25.32 s",
  ]);
});
