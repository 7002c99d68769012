/** The Python package against a real farm: what scripts of the former Spell do, and what they get to see. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { REFUSED, python, refusalsIn } from "../support/python.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ args: ["--machine-type", "V100", "--cpu-slots", "4"] });
}, 60_000);
afterAll(() => farm[Symbol.asyncDispose]());

const CLIENT = `
import json, os, sys
import spell.client
from spell.api.exceptions import ClientException as client_exception
from spell.client.runs import Run
client = spell.client.from_environment()
new = client.runs.new
def ended(run):
    run.wait_status(*client.runs.FINAL)
    run.refresh()
    return run
def said(run):
    return [str(line) for line in run.logs() if line.status == client.runs.RUNNING and not line.status_event]
def show(**facts):
    print(json.dumps(facts), flush=True)
`;

/** Runs a script after what all of them need; gives the facts that it showed. */
async function facts(script: string): Promise<Record<string, unknown>> {
  const { stdout, stderr, exitCode } = await python(farm.place, `${CLIENT}\n${script}`);
  expect({ stderr, exitCode }, stdout).toEqual({ stderr: "", exitCode: 0 });
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  return Object.assign({}, ...lines.map((line) => JSON.parse(line) as unknown)) as Record<string, unknown>;
}

describe("runs", { timeout: 60_000 }, () => {
  test("keywords reach the run, and what it is shows in its attributes", async () => {
    const seen = await facts(`
everything = dict.fromkeys(
    "project description github_url github_ref commit_label workflow_id workspace_id commit_hash cwd pip_packages "
    "apt_packages requirements_file conda_file docker_image tensorboard_directory distributed timeout auto_resume "
    "stop_conditions provider node_group".split()
)
everything.update(
    command="echo :word: $NAME; exit 3", params={"word": "hello"}, envvars={"NAME": "caf\\u00e9", "N": 5},
    labels=["one", "two"], machine_type="cpu", framework="tensorflow", framework_version=2.2,
    attached_resources=None, idempotent=None,
)
run = new(**everything)
show(first=run.status)
ended(run)
show(
    status=run.status, code=run.user_exit_code, command=run.command, gpu=run.gpu, labels=sorted(run.labels),
    env=run.environment_vars, hyper=run.hyper_params, creator=run.run.creator.user_name == client.api.owner,
    times=[str(at.tzinfo) for at in (run.created_at, run.started_at, run.ended_at)], said=said(run),
    shown=repr(run).startswith("Run(id=%d, status='failed', user_exit_code=3, command=" % run.id),
    hinted=[str(line) for line in run.logs() if "tensorflow 2.2" in str(line)] != [],
    same=Run(client.api, client.api.get_run(run.id)).run == run.run,
)
`);
    expect(seen).toEqual({
      ...{ first: "machine_requested", status: "failed", code: 3, command: "echo hello $NAME; exit 3", gpu: "CPU" },
      ...{ labels: ["one", "two"], env: { NAME: "café", N: "5" }, hyper: { word: "hello" }, creator: true },
      ...{ times: ["UTC", "UTC", "UTC"], said: ["hello café"], shown: true, hinted: true, same: true },
    });
  });

  test("waiting: what was passed counts, what can no longer come is an error", async () => {
    const script = `
failing, good = new(command="exit 1"), new(command="true")
refused("complete", lambda: failing.wait_status(client.runs.COMPLETE))
good.wait_status(client.runs.COMPLETE)
good.wait_status(client.runs.RUNNING)
good.wait_status(client.runs.BUILDING, client.runs.FAILED)
show(unchanged=good.status)
refused("stop", good.stop)
refused("none", lambda: client.runs.get(9999))
refused("nonsense", lambda: good.wait_status("finished"))
`;
    const { stdout, stderr } = await python(farm.place, `${CLIENT}${REFUSED}${script}`);
    expect(stderr).toBe("");
    const refusals = refusalsIn(stdout);
    expect(refusals.get("complete")?.[0]).toBe("WaitError");
    expect(refusals.get("stop")?.[0]).toBe("ConflictRequest");
    expect(refusals.get("none")?.[0]).toBe("ClientException");
    expect(refusals.get("nonsense")?.[0]).toMatch(/^(WaitError|BadRequest)$/);
    expect(stdout).toContain('{"unchanged": "machine_requested"}');
  });

  test("mounts named in every way that scripts do", async () => {
    const seen = await facts(`
source = ended(new(command="mkdir save; echo w > save/w.txt; echo o > o.txt"))
at = "runs/%d" % source.id
reader = ended(new(command="cat o.txt save/w.txt all/o.txt", attached_resources={
    at + "/o.txt": None, at + "/save/": "", at: "all",
}))
show(said=said(reader), mounts=sorted(reader.attached_resources.values()))
`);
    expect(seen).toEqual({ said: ["o", "w", "o"], mounts: ["/spell/all", "/spell/o.txt", "/spell/save"] });
  });

  test("labels, lists, identical requests, the archive, batches", async () => {
    const seen = await facts(`
run = ended(new(command="echo listed", labels=["kept"]))
run.add_label("new")
run.remove_label("kept")
run.refresh()
again = new(command="echo listed", idempotent=True)
show(
    labels=run.labels, again=[again.id == run.id, again.already_existed], listed=[r.id == run.id for r in client.runs.list(labels=["new"])],
    newest=[type(r).__name__ for r in client.runs.list(number=1)],
)
sleepers = [new(command="sleep 600") for _ in range(2)]
for sleeper in sleepers:
    sleeper.wait_status(client.runs.RUNNING)
ids = [sleeper.id for sleeper in sleepers]
stopped = client.api.stop_runs([ids[0], run.id, 99999])
killed = client.api.kill_runs([ids[1], run.id, 99999])
show(
    stopped=stopped["successful_run_ids"] == ids[:1] and stopped["non_existent_run_ids"] == [99999],
    killed=killed["successful_run_ids"] == ids[1:] and killed["final_state_run_ids"] == [run.id],
    statuses=[ended(sleeper).status for sleeper in sleepers],
)
client.api.archive_run(run.id)
show(archived=[r.id for r in client.runs.list(labels=["new"])])
`);
    expect(seen).toEqual({
      ...{ labels: ["new"], again: [true, true], listed: [true], newest: ["Run"] },
      ...{ stopped: true, killed: true, statuses: ["stopped", "killed"], archived: [] },
    });
  });

  test("logs: a slice, the end, and live", async () => {
    const seen = await facts(`
run = new(command="for i in 1 2 3; do echo line $i; sleep 0.2; done")
followed = [str(line) for line in run.logs(follow=True)]
everything = list(run.logs())
show(
    followed=[line for line in followed if line.startswith("line")], last=str(list(run.logs(offset=-1))[0]) == str(everything[-1]),
    rest=len(list(run.logs(offset=3))) == len(everything) - 3, same=followed == [str(line) for line in everything],
    kinds=sorted({type(line.timestamp).__name__ for line in everything}),
)
`);
    expect(seen).toEqual({
      ...{ followed: ["line 1", "line 2", "line 3"], last: true, rest: true, same: true, kinds: ["str"] },
    });
  });

  test("threads share a client", async () => {
    const seen = await facts(`
import threading
results = []
def work(number):
    results.append(said(ended(new(command="echo %d" % number)))[0])
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
show(results=sorted(results))
`);
    expect(seen).toEqual({ results: ["0", "1", "2", "3", "4", "5", "6", "7"] });
  });
});

describe("workflows and code", { timeout: 60_000 }, () => {
  test("a script is its own master: its runs join the workflow", async () => {
    const seen = await facts(`
made = client.api.workflow(None, {}, {})
os.environ["SPELL_WORKFLOW_ID"] = str(made.id)
master = spell.client.from_environment()
run = ended(master.runs.new(command="echo in $SPELL_WORKFLOW_ID"))
master.active_workflow.refresh()
show(
    runs=[each.id for each in master.active_workflow.runs] == [run.id], master=master.active_workflow.managing_run,
    id=master.active_workflow.id == made.id, said=said(run) == ["in %d" % made.id],
)
client.api.archive_workflow(made.id)
`);
    expect(seen).toEqual({ runs: true, master: null, id: true, said: true });
  });

  test("repositories are made known and found", async () => {
    const seen = await facts(`
workspace = client.api.new_workspace("a" * 40, "project", "")
same = client.api.new_workspace("a" * 40, "project", "")
show(
    same=same.id == workspace.id, named=[each.id for each in client.api.get_workspaces_by_name("project")] == [workspace.id],
    none=client.api.get_workspaces_by_name("none"), remote=workspace.git_remote_url.startswith("http"),
    all=len(client.api.get_workspaces()), one=client.api.get_workspace(workspace.id).name,
)
client.api.delete_workspace(workspace.id)
show(left=client.api.get_workspaces())
`);
    expect(seen).toEqual({ same: true, named: true, none: [], remote: true, all: 1, one: "project", left: [] });
  });
});

describe("metrics", { timeout: 60_000 }, () => {
  test("sent in a run, read live and afterwards, waited for", async () => {
    const seen = await facts(`
import datetime
script = """
import time
from spell.metrics import send_metric
for index in range(5):
    send_metric("loss", 1 - index / 5)
    time.sleep(0.1)
send_metric("note", "good", index=7)
"""
run = new(command="python3 -W error -c '%s'" % script)
run.wait_metric("loss", client.runs.LESS_THAN, 0.5)
live = list(run.metrics("loss", follow=True))
ended(run)
again = list(run.metrics("loss"))
show(
    status=run.status, live=[(index, round(value, 1)) for _, index, value in live], same=live == again,
    note=[(index, value) for _, index, value in run.metrics("note")], rest=len(list(run.metrics("loss", start=again[2][0]))),
    zone=str(again[0][0].tzinfo), none=list(run.metrics("none")),
)
try:
    run.wait_metric("loss", client.runs.GREATER_THAN, 5)
except Exception as error:
    show(error=type(error).__name__)
`);
    expect(seen).toEqual({
      ...{ status: "complete", same: true, note: [[7, "good"]], rest: 2, zone: "UTC", none: [], error: "WaitError" },
      live: [1, 0.8, 0.6, 0.4, 0.2].map((value, index) => [index, value]),
    });
  });
});

describe("hyper-parameter searches", { timeout: 60_000 }, () => {
  test("a grid and a random search, with the metric of each run", async () => {
    const seen = await facts(`
from spell.client import RangeSpec, ValueSpec
send = "python3 -c 'from spell.metrics import send_metric; send_metric(\\"score\\", :a:)'"
grid = client.hyper.new_grid_search(
    params={"a": ValueSpec([1, 2]), "b": ValueSpec(["1e4"])}, command="echo :a: :b:; " + send, machine_type="CPU"
)
for run in grid.runs:
    ended(run)
grid.refresh()
metrics = {run_id: list(values) for run_id, values in grid.metrics("score").items()}
show(
    said=sorted(said(run) for run in grid.runs), params=sorted(run.hyper_params["a"] for run in grid.runs),
    b=grid.runs[0].hyper_params["b"], names=grid.metric_names(), kind=list(grid.parameter_spec)[0],
    scores=sorted(metrics[run.id][0][2] for run in grid.runs), statuses=[run.status for run in grid.runs],
)
drawn = client.hyper.new_random_search({"n": RangeSpec(16, 128, client.hyper.LOG, client.hyper.INT)}, 3, command="sleep 600 # :n:")
drawn.stop()
for run in client.hyper.get(drawn.id).runs:
    ended(run)
values = [run.hyper_params["n"] for run in drawn.runs]
listed = [(info.id, info.num_runs) for info in client.hyper.list() if info.id == drawn.id]
client.hyper.archive(drawn.id)
show(
    drawn=len(values) == 3 and all(isinstance(n, int) and 16 <= n <= 128 for n in values), listed=listed == [(drawn.id, 3)],
    archived=[info.id for info in client.hyper.list() if info.id == drawn.id],
)
`);
    expect(seen).toEqual({
      ...{ said: [["1 1e4"], ["2 1e4"]], params: [1, 2], b: "1e4", names: ["score"], kind: "grid_params" },
      ...{ scores: [1, 2], statuses: ["complete", "complete"], drawn: true, listed: true, archived: [] },
    });
  });
});

describe("files, models and projects", { timeout: 60_000 }, () => {
  test("what a run wrote is listed, copied, named by a link and made into a model", async () => {
    const seen = await facts(`
import tempfile
from pathlib import Path
run = ended(new(command="mkdir -p save/deep; echo w > save/w.txt; echo d > save/deep/d.txt; echo o > o.txt; ln -s o.txt l; ln -s /etc e"))
at = "runs/%d" % run.id
show(ls=[(line.path, line.size) for line in client.resources.ls(at + "/save/")], top=[line.path for line in client.resources.ls("")])
def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if not path.is_dir())
with tempfile.TemporaryDirectory() as folder:
    run.cp("", folder + "/all")
    run.cp("save/deep/d.txt", folder + "/one")
    run.cp("save", folder + "/save")
    client.api.create_link(at + "/save", "best")
    client.resources.cp("best/deep", folder + "/linked", quiet=True)
    model = client.models.new("net", at, files=["save/w.txt"], description="first")
    client.models.get("net", version="v1").download(folder + "/model", quiet=True)
    show(
        all=tree(folder + "/all"), one=tree(folder + "/one"), save=tree(folder + "/save"), linked=tree(folder + "/linked"),
        model=tree(folder + "/model"), versions=[v.formatted_version for v in model.model_versions],
    )
show(models=[each.name for each in client.models.list()], link=client.api.get_link("best")["resource_path"] == at + "/save")
client.models.rm("net")
client.api.remove_link("best")
show(left=[len(client.models.list()), len(client.api.list_links())])
for name, call in {
    "none": lambda: run.cp("none"), "up": lambda: run.cp("../1"), "list": lambda: list(client.resources.ls(at + "/none")),
    "linked": lambda: client.api.get_link("best"),
}.items():
    try:
        call()
    except client_exception as error:
        show(**{name: type(error).__name__})
`);
    expect(seen).toMatchObject({
      ...{ all: ["l", "o.txt", "save/deep/d.txt", "save/w.txt"], one: ["d.txt"], save: ["deep/d.txt", "w.txt"] },
      ...{
        linked: ["d.txt"],
        model: ["w.txt"],
        versions: ["v1"],

        models: ["net"],
        link: true,
        left: [0, 0],
      },
      ls: expect.arrayContaining([["w.txt", 2]]) as unknown,
      top: expect.arrayContaining(["runs/"]) as unknown,
      ...{
        none: "ClientException",
        up: expect.any(String) as unknown,
        list: "ClientException",
        linked: "ClientException",
      },
    });
  });

  test("files sent from a script are mounted by the next run", async () => {
    const seen = await facts(`
import tempfile
with tempfile.NamedTemporaryFile() as file:
    file.write(b"x" * 6_000_000)
    file.flush()
    upload = client.api.new_dataset("letters")
    client.api.upload_file(file.name, upload.id, "sub/x.bin")
    client.api.complete_upload(upload.id)
run = ended(new(command="wc -c < letters/sub/x.bin", attached_resources={"uploads/letters": None}))
show(said=said(run), ls=[line.path for line in client.resources.ls("uploads/letters")])
client.api.remove_dataset("letters")
`);
    expect(seen).toEqual({ said: ["6000000"], ls: ["sub/"] });
  });

  test("runs are put into projects and found there", async () => {
    const seen = await facts(`
project = client.api.create_project({"name": "Nets"})
run = ended(new(command="true", project="nets"))
other = ended(new(command="true"))
client.api.add_runs(project.id, [other.id])
both = sorted(each.id for each in client.runs.list(project="NETS")) == sorted([run.id, other.id])
client.api.remove_runs(project.id, [other.id])
run.refresh()
show(both=both, one=[each.id for each in client.runs.list(project="Nets")] == [run.id], name=run.project.name)
client.api.archive_project(project.id)
show(archived=[each.name for each in client.api.list_projects(show_archived=True)], left=client.api.list_projects())
`);
    expect(seen).toEqual({ both: true, one: true, name: "Nets", archived: ["Nets"], left: [] });
  });
});
