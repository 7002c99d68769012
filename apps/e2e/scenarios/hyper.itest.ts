/** Hyper-parameter searches on a real farm: from the command line, through kill -9 of the coordinator, and the example. */
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot, waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { readLog, userLines } from "../support/records.ts";

/** Sends the metric that a search maximises, as a training script does. */
const REPORT = `python3 -c 'from spell.metrics import send_metric; send_metric("score", -(:x: - 0.3) ** 2)'`;

test("the command line makes, shows, saves and archives a search", { timeout: 120_000 }, async () => {
  await using farm = await Farm.start({ args: ["--cpu-slots", "4"] });
  const cwd = join(farm.folder, "code");
  mkdirSync(cwd);
  const run = async (...words: string[]) => {
    const result = await farm.spell(["hyper", ...words], { cwd });
    expect(result.stderr, words.join(" ")).toBe("");
    return result.stdout;
  };
  const made = await run("grid", "--param", "x=0.1,0.123456789", "--json-param", 'y=["a,b"]', `echo :y: && ${REPORT}`);
  expect(made.replace(/^Uploaded .*\n/, "")).toBe(`💫 Casting hyperparameter search #1…
x         y    Run ID
0.1       a,b  1
0.123457  a,b  2
`);
  using client = farm.client();
  const search = await client.hyper.get(1);
  for (const each of search.runs) await each.waitStatus("complete");
  await waitFor("the search to end", async () => (await search.refresh()).status === "complete");
  expect(userLines(await readLog(farm.place, 1))).toEqual(["a,b"]);
  expect(await run("list")).toMatch(/^ID {4}# RUNS {4}CREATED AT {4,}CREATOR\n1 {5}2 {9}\d+ seconds? ago {2,}\w+\n$/);
  expect(await run("describe", "1")).toMatch(
    /^Hyperparameter Search Info:\nID +1\nType +grid\n# Runs +2\nCommand +echo :y: [^]*\nStatus +finished\n[^]*\n\nRuns:\nRun ID {4}Status {4,}Duration +x +y\n1 +complete +\d+ seconds +0\.1 +a,b\n/,
  );
  expect(JSON.parse(await run("describe", "1", "--json"))).toMatchObject({
    ...{ id: 1, type: "grid", status: "complete", num_runs: 2 },
    runs: [{ id: 1, status: "complete", user_exit_code: 0, hyper_params: { x: 0.1, y: "a,b" } }, { id: 2 }],
  });
  expect(JSON.parse(await run("list", "--json"))).toMatchObject([{ id: 1, type: "grid", status: "complete" }]);
  expect(await run("download-metrics", "1")).toBe("Downloaded metrics to metrics.csv.\n");
  expect(readFileSync(join(cwd, "metrics.csv"), "utf8")).toMatch(
    /^run_id,metric_name,timestamp,index,value\n1,score,\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z,0,-0\.0[34]\d*\n2,score,.*\n$/,
  );
  expect(await farm.spell(["hyper", "download-metrics", "1"], { cwd })).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("--force"),
  });
  expect(await run("archive", "1")).toBe("1\n");
  expect(await run("list")).toBe("ID    # RUNS    CREATED AT    CREATOR\n");

  await run(
    "bayesian",
    "-n",
    "9",
    "-r",
    "2",
    "--metric",
    "score",
    "-a",
    "last",
    "--param",
    "x=0:1",
    "sleep 600; echo :x:",
  );
  expect(await run("stop", "2")).toBe("Stopping hyperparameter search 2.\n");
  await waitFor("the search to stop", async () => (await client.hyper.get(2)).status === "stopped");
  expect((await client.hyper.get(2)).runs).toHaveLength(2);
  for (const [words, exitCode, sentence] of [
    [["stop", "2"], 1, /already ended/],
    [["kill", "7"], 1, /no hyper-parameter search 7/],
    [["describe", "x"], 2, /x/],
    [["grid", "--param", "x=1", "echo hello"], 1, /no place for the parameter "x"/],
    [["grid", "echo :x:"], 1, /--param/],
    [["grid", "--param", "x", "echo :x:"], 3, /NAME=VALUE/],
    [["random", "--param", "x=0:1", "echo :x:"], 2, /num-runs/],
    [["random", "-n", "0", "--param", "x=0:1", "echo :x:"], 2, /whole number/],
    [["bayesian", "-n", "2", "-r", "1", "--metric", "m", "-a", "most", "--param", "x=0:1", "echo :x:"], 2, /avg/],
  ] as const) {
    const refused = await farm.spell(["hyper", ...words], { cwd });
    expect(refused.exitCode, `${words.join(" ")}: ${refused.stderr}`).toBe(exitCode);
    expect(refused.stderr).toMatch(sentence);
  }
});

test(
  "a bayesian search whose coordinator is killed again and again makes each run once",
  { timeout: 120_000 },
  async () => {
    await using farm = await Farm.start({ args: ["--cpu-slots", "4"] });
    using client = farm.client();
    const params = { x: { min: 0, max: 1 } };
    const options = { numRuns: 14, parallelRuns: 3, metric: "score", metricAggregation: "last" } as const;
    const search = await client.hyper.newBayesianSearch(params, options, { command: `sleep 0.3; ${REPORT}` });
    for (const enough of [4, 7, 10]) {
      await waitFor(`${enough} runs`, async () => (await search.refresh()).runs.length >= enough, {
        timeoutMs: 60_000,
      });
      await farm.killAndWait("coordinator");
    }
    await waitFor("the search to end", async () => (await search.refresh()).status === "complete", {
      timeoutMs: 60_000,
    });
    const { runs } = search;
    expect(runs.map(({ id, status }) => [id, status])).toEqual(
      Array.from({ length: 14 }, (_, place) => [place + 1, "complete"]),
    );
    expect(new Set(runs.map(({ command }) => command)).size).toBe(14);
    expect(await client.runs.list({ number: 100 })).toHaveLength(14);
    const scores = new Map<number, number>();
    for await (const { runId, value } of search.metric("score")) scores.set(runId, Number(value));
    expect(scores.size).toBe(14);
    expect(Math.max(...scores.values())).toBeGreaterThan(-0.002);
  },
);

test("the example finds good parameters in a workflow", { timeout: 120_000 }, async () => {
  await using farm = await Farm.start({ args: ["--cpu-slots", "4"] });
  const cwd = join(farm.folder, "hyper");
  cpSync(join(repositoryRoot, "examples", "hyper"), cwd, {
    recursive: true,
    filter: (path) => !path.includes("__pycache__"),
  });
  const args = ["workflow", "create", "--repo", "hyper=.", "-e", "RUNS=8", "python search.py"];
  const { stderr, exitCode } = await farm.spell(args, { cwd });
  expect({ stderr, exitCode }, farm.said()).toEqual({ stderr: "", exitCode: 0 });
  expect(userLines(await readLog(farm.place, 1))).toEqual([
    expect.stringMatching(/^grid: 6 runs, best is run [2-7] with rate [\d.e-]+, units [24]: 0\.[89]\d\d$/),
    expect.stringMatching(/^bayesian: 8 runs, best is run \d+ with rate [\d.]+, units \d+: (0\.9\d\d|1\.000)$/),
  ]);
});
