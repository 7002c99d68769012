/** Requests of scripts that cannot be fulfilled: from a master run, from a user's machine, and as plain HTTP. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { REFUSED, python, refusalsIn } from "../support/python.ts";
import type { Refusal } from "../support/python.ts";
import { listRuns } from "../support/records.ts";

/** What master and user ask alike: `full` is a run with outputs, `empty` one that wrote nothing. */
const REQUESTS = `
new = client.runs.new
refused("no command", lambda: new())
refused("empty command", lambda: new(command=" \\t"))
refused("machine type", lambda: new(command="true", machine_type="H100"))
refused("missing run", lambda: new(command="true", attached_resources={"runs/99/out.txt": "x"}))
refused("missing file", lambda: new(command="true", attached_resources={f"runs/{full}/none": ""}))
refused("no outputs", lambda: new(command="true", attached_resources={f"runs/{empty}": None}))
refused("not a resource", lambda: new(command="true", attached_resources={"/etc/passwd": "x"}))
refused("path with ..", lambda: new(command="true", attached_resources={f"runs/{full}/save/../../2": "x"}))
refused("place with ..", lambda: new(command="true", attached_resources={f"runs/{full}/out.txt": "../../etc/x"}))
refused("one place", lambda: new(command="true", attached_resources={f"runs/{full}/out.txt": "a", f"runs/{full}/save": "./a/"}))
refused("under a file", lambda: new(command="true", attached_resources={f"runs/{full}/out.txt": "/d", f"runs/{full}/save": "/d/e"}))
refused("variable", lambda: new(command="true", envvars={"A=B": "c"}))
refused("no such run", lambda: client.runs.get(99))
refused("ended", lambda: client.runs.get(full).stop())
refused("never", lambda: client.runs.get(full).wait_status(client.runs.FAILED))
`;

const WRITES = "mkdir save; echo > save/m; echo o > out.txt";

/** What a resource looks like. */
const FORM = "write runs/<id>, uploads/<name> or the alias of a link, then /<path> if need be, without '..'";
const NO_RESOURCE = (resource: string, why: string): Refusal => [
  "BadRequest",
  "no-such-resource",
  `Cannot mount resource "${resource}": not a valid resource (${why}).`,
];
const BAD = (code: string, message: string): unknown => ["BadRequest", code, expect.stringContaining(message)];

const refusalsOf = ({ full, empty }: { full: number; empty: number }): Record<string, unknown> => ({
  "no command": BAD("empty-command", "The command is empty"),
  "empty command": BAD("empty-command", "The command is empty"),
  "machine type": BAD("unknown-machine-type", "invalid machine type: H100 (choose from CPU)"),
  "missing run": NO_RESOURCE("runs/99/out.txt", "there is no run 99"),
  "missing file": NO_RESOURCE(`runs/${full}/none`, `run ${full} has no "none"`),
  "no outputs": NO_RESOURCE(`runs/${empty}`, `run ${empty} wrote no files`),
  "not a resource": NO_RESOURCE("/etc/passwd", FORM),
  "path with ..": NO_RESOURCE(`runs/${full}/save/../../2`, FORM),
  "place with ..": BAD("bad-mount", "a mount path may not contain '..'"),
  "one place": BAD("mount-clash", `Cannot mount both "runs/${full}/out.txt" and "runs/${full}/save" at /spell/a`),
  "under a file": BAD("mount-clash", `Cannot mount both "runs/${full}/out.txt" and "runs/${full}/save" at /d/e`),
  variable: BAD("bad-environment", '"A=B" cannot be the name of an environment variable'),
  "no such run": ["ClientException", "no-such-run", "There is no run 99."],
  ended: ["ConflictRequest", "run-ended", `Run ${full}: the run has already ended (complete).`],
  never: ["WaitError", null, expect.stringContaining(`Run ${full} has ended as complete and is not failed.`)],
});

const MASTER = `${REFUSED}
import os, shutil
import spell.client
client = spell.client.from_environment()
refused("unknown label", lambda: client.runs.new(command="true", commit_label="other"))
shutil.rmtree("gone")
refused("removed directory", lambda: client.runs.new(command="true", commit_label="gone"))
os.symlink("/etc/passwd", "tools/leaves")
refused("directory that cannot be sent", lambda: client.runs.new(command="true", commit_label="tools"))
refused("itself", lambda: client.runs.new(command="true", attached_resources={f"runs/{os.environ['SPELL_RUN_ID']}": "x"}))
refused("other workflow", lambda: client.runs.new(command="true", workflow_id=99))
full, empty = [client.runs.new(command=command) for command in (${JSON.stringify(WRITES)}, "true")]
for run in (full, empty):
    run.wait_status(client.runs.COMPLETE)
full, empty = full.id, empty.id
${REQUESTS}
client.active_workflow.refresh()
print("launched", sorted(run.id for run in client.active_workflow.runs))
`;

const LOST = (path: string, why: string): unknown => [
  "ConflictRequest",
  "snapshot-failed",
  expect.stringContaining(`Could not copy ${path} from run 3: ${why}`),
];

let farm: Farm;

beforeAll(async () => {
  farm = await Farm.start();
  using client = farm.client();
  for (const command of [WRITES, "true"]) {
    await (await client.runs.create({ command })).waitStatus("complete");
  }
});

afterAll(() => farm[Symbol.asyncDispose]());

describe("a master run", () => {
  test("is refused by exceptions of the known kinds, stable codes and the cause; no run is made", async () => {
    const code = join(farm.folder, "code");
    for (const directory of ["tools", "gone"]) mkdirSync(join(code, directory), { recursive: true });
    writeFileSync(join(code, "master.py"), MASTER);
    const repos = ["--repo", "tools=tools", "--repo", "gone=gone"];
    const { stdout, exitCode } = await farm.spell(["workflow", ...repos, "python master.py"], { cwd: code });
    expect(exitCode).toBe(0);
    expect(Object.fromEntries(refusalsIn(stdout)), stdout).toEqual({
      "unknown label": BAD("unknown-commit-label", 'Workflow 1 has no label "other" (its labels: tools, gone)'),
      "removed directory": LOST("code/gone", "/spell/code/gone is not a directory in the run any more."),
      "directory that cannot be sent": LOST("code/tools", '"leaves" cannot be sent: it is a link to "/etc/passwd"'),
      itself: NO_RESOURCE("runs/3", "run 3 is still running; wait until it has ended"),
      "other workflow": ["ClientException", "no-such-workflow", "There is no workflow 99."],
      ...refusalsOf({ full: 4, empty: 5 }),
    });
    expect(stdout).toContain("launched [4, 5]\n");
    const runs = (await listRuns(farm.place)).map(({ id, status }) => [id, status]);
    expect(runs).toEqual([1, 2, 3, 4, 5].map((id) => [id, "complete"]));
  });
});

describe("a script on the user's machine", () => {
  test("is refused alike, and by name where only a workflow could fulfil the request", async () => {
    const { stdout, stderr } = await python(
      farm.place,
      `${REFUSED}
import spell.client
client = spell.client.from_environment()
refused("label", lambda: client.runs.new(command="true", commit_label="tools"))
refused("label of an ended workflow", lambda: client.runs.new(command="true", commit_label="other", workflow_id=1))
full, empty = 1, 2
${REQUESTS}`,
    );
    expect(Object.fromEntries(refusalsIn(stdout)), stderr).toEqual({
      label: BAD("no-workflow", 'The label "tools" was given outside a workflow: only workflows have labels.'),
      "label of an ended workflow": BAD("unknown-commit-label", 'Workflow 1 has no label "other"'),
      ...refusalsOf({ full: 1, empty: 2 }),
    });
    expect(await listRuns(farm.place)).toHaveLength(5);
  });

  const CONNECT = `${REFUSED}
import spell.client
refused("run", lambda: spell.client.from_environment().runs.new(command="true"))
`;

  test.each<[name: string, environment: () => Promise<NodeJS.ProcessEnv>, refusal: Refusal]>([
    [
      "not logged in",
      async () => ({ SPELL_DIR: join(farm.folder, "nobody") }),
      ["ClientException", null, expect.stringMatching(/^Spell configuration not found.*Log in with "spell login"/)],
    ],
    [
      "with a wrong token",
      async () => ({ SPELL_TOKEN: "spell_user_0", SPELL_OWNER: "root" }),
      ["UnauthorizedRequest", "bad-token", expect.stringContaining("This token is not valid")],
    ],
    [
      "with nobody at the address",
      async () => ({ SPELL_BASE_URL: `http://127.0.0.1:${await freePort()}` }),
      ["ClientException", null, expect.stringMatching(/^Cannot reach Spell at .*Check that the server runs there/)],
    ],
  ])("%s: is told what to do", async (_name, environment, refusal) => {
    const { stdout } = await python(farm.place, CONNECT, await environment());
    expect(refusalsIn(stdout).get("run")).toEqual(refusal);
    expect(await listRuns(farm.place)).toHaveLength(5);
  });
});

test("an unknown commit_label over plain HTTP is a 400 with its cause", async () => {
  const { stdout } = await python(
    farm.place,
    `
import os, spell.config
settings = spell.config.settings_from(os.environ)
print(settings.base_url, settings.owner, settings.token)`,
  );
  const [url = "", owner = "", token = ""] = stdout.trim().split(" ");
  const answer = await fetch(`${url}/v1/runs/${owner}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ command: "true", gpu: "CPU", commit_label: "other", workflow_id: 1, run_type: "user" }),
  });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({
    code: "unknown-commit-label",
    error: expect.stringContaining('Workflow 1 has no label "other" (its labels: tools, gone)'),
  });
  expect(await listRuns(farm.place)).toHaveLength(5);
});
