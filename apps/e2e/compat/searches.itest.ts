/** Hyper-parameter searches, and the metrics that runs send. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { finished } from "./support/clients.ts";
import { area } from "./support/scenario.ts";

const CLIENT = `import time
import spell.client
from spell.api.models import ValueSpec, RangeSpec
client = spell.client.from_environment()
def tried(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__ + ": " + str(error)
def wait(search):
    for run in search.runs: run.wait_status(*client.runs.FINAL)
    # It ends a moment after the last of its runs.
    while search.status == "running":
        time.sleep(0.05)
        search.refresh()
`;
const SEND = `python3 -c "
from spell.metrics import send_metric
for step in range(3): send_metric('score', :x: * step)
"`;

area("searches", {}, ({ scenario }) => {
  scenario("searches by a script", async ({ python }) => {
    const { stdout } = await python(
      "grid",
      `${CLIENT}
SEND = '''${SEND}'''
grid = client.hyper.new_grid_search({"x": ValueSpec([1, 2])}, command=SEND)
wait(grid)
print(grid.id, sorted(run.hyper_params["x"] for run in grid.runs), len(client.hyper.list()))
run = min(grid.runs, key=lambda run: run.hyper_params["x"])
run.wait_metric("score", client.runs.GREATER_THAN_EQUALS, 2)
print([(index, value) for _, index, value in run.metrics("score")], list(run.metrics("none")))
start = next(run.metrics("score"))[0]
print([(index, value) for _, index, value in run.metrics("score", follow=True, start=start)])
print(tried(lambda: run.wait_metric("score", client.runs.GREATER_THAN, 1000)))
grid = client.hyper.get(grid.id)
grid.refresh()
print(grid.status, sorted(grid.metric_names()))
print(sorted((len(list(points))) for points in grid.metrics("score").values()))
random = client.hyper.new_random_search({"x": RangeSpec(1, 3, type="int"), "y": ValueSpec(["a"])}, 2, command="echo :x: :y:")
print(len(random.runs), {run.hyper_params["y"] for run in random.runs}, all(1 <= run.hyper_params["x"] <= 3 for run in random.runs))
best = client.hyper.new_bayesian_search({"x": RangeSpec(1, 3)}, 3, 2, "score", "max", command="sleep 600; echo :x:")
print(len(best.runs))
best.stop()
for run in best.runs: run.wait_status(*client.runs.FINAL)
again = client.hyper.new_grid_search({"x": ValueSpec([1])}, command="sleep 600; echo :x:")
again.kill()
for run in again.runs: run.wait_status(client.runs.KILLED)
print(tried(lambda: client.hyper.get(99)))
print(tried(lambda: client.hyper.new_grid_search({"x": RangeSpec(1, 3)}, command="echo :x:")))
print(tried(lambda: client.hyper.new_bayesian_search({"x": ValueSpec([1])}, 3, 2, "score", "max", command="echo :x:")))
`,
    );
    expect(stdout).toContain("[(0, 0), (1, 1), (2, 2)] []\n[(1, 1), (2, 2)]\nWaitError");
  });

  scenario("odd names", async ({ python }) => {
    const { stdout } = await python(
      "names",
      `${CLIENT}
run = client.runs.new(command="""python3 -c "
from spell.metrics import send_metric
for name in ('runs', 'keys', 'created_at', 'keras/val acc'): send_metric(name, 1.5)
"; echo $keys""", envvars={"keys": "of the run"})
run.wait_status(client.runs.COMPLETE)
run.refresh()
for name in ("runs", "keys", "created_at", "keras/val acc"):
    run.wait_metric(name, client.runs.EQUALS, 1.5)
    print(name, [(index, value) for _, index, value in run.metrics(name)])
print(run.environment_vars, [line.log for line in run.logs() if line.status == "running" and not line.status_event])
print(tried(lambda: client.hyper.new_grid_search({"keys": ValueSpec([1])}, command="echo :keys:")))
`,
    );
    expect(stdout).toContain("runs [(0, 1.5)]\nkeys [(0, 1.5)]\ncreated_at [(0, 1.5)]\nkeras/val acc [(0, 1.5)]\n");
    expect(stdout).toContain("{} ['of the run']\nBadRequest: A parameter cannot be called");
  });

  scenario("searches by the command line", async ({ client, cli, python }) => {
    const id = async (step: string, ...words: string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await cli(step, ["hyper", ...words]);
      expect(exitCode, stdout + stderr).toBe(0);
      return /search #(\d+)/.exec(stdout)?.[1] ?? "";
    };
    const grid = await id("grid", "grid", "-f", "--param", "x=1,2", SEND);
    await python("wait", `${CLIENT}\nwait(client.hyper.get(${grid}))`);
    await cli("download-metrics", ["hyper", "download-metrics", grid]);
    const rows = readFileSync(join(client.folder, "metrics.csv"), "utf8").trim().split(/\r?\n/).slice(1);
    expect(rows.map((row) => row.replace(/^\d+,(\w+),[^,]+,/, "$1,")).sort()).toEqual(
      ["score,0,0", "score,0,0", "score,1,1", "score,1,2", "score,2,2", "score,2,4"].sort(),
    );
    await cli("describe", ["hyper", "describe", grid]);
    const random = await id("random", "random", "-f", "-n", "2", "--param", "x=4", "sleep :x:00");
    await cli("kill", ["hyper", "kill", random]);
    // What is drawn by chance is not compared.
    const drawn = async (...words: string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await finished(client.start(["hyper", ...words]));
      expect(exitCode, stdout + stderr).toBe(0);
      return /search #(\d+)/.exec(stdout)?.[1] ?? "";
    };
    await drawn("random", "-f", "-n", "2", "--param", "x=1:3:log:int", "echo :x:");
    const options = ["-n", "3", "-r", "1", "--metric", "score", "-a", "max", "--param", "x=1:1.0000001"];
    const bayesian = await drawn("bayesian", "-f", ...options, "sleep 600; echo :x:");
    await python("begin", `${CLIENT}\nclient.hyper.get(${bayesian}).runs[0].wait_status(client.runs.RUNNING)`);
    await cli("describe the bayesian", ["hyper", "describe", bayesian]);
    await cli("stop", ["hyper", "stop", bayesian]);
    await cli("list", ["hyper", "list"]);
    await cli("archive", ["hyper", "archive", grid]);
    expect((await cli("list without", ["hyper", "list"])).stdout).not.toMatch(new RegExp(`^${grid} `, "m"));
    expect((await cli("archive again", ["hyper", "archive", grid])).exitCode).toBe(1);
    expect((await cli("describe nothing", ["hyper", "describe", "99"])).exitCode).toBe(1);
    const unused = ["hyper", "grid", "-f", "--param", "x=1", "echo nothing"];
    expect((await cli("a parameter that is not used", unused)).exitCode).not.toBe(0);
    expect((await cli("no parameter", ["hyper", "grid", "-f", "echo"])).exitCode).not.toBe(0);
  });
});
