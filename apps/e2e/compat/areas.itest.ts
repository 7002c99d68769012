/**
 * What lies beside runs, driven by the historical client alone: accounts, projects, files, models, searches and metrics. What it
 * prints is its own; asserted is that each command does its work and shows what the coordinator holds.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finished, missingHistorical, startClients } from "./support/clients.ts";
import type { Call, Clients } from "./support/clients.ts";

describe.skipIf(missingHistorical !== undefined)("the historical client beside runs", () => {
  let clients: Clients;
  beforeAll(async () => {
    clients = await startClients();
  });
  afterAll(() => clients?.[Symbol.asyncDispose]());

  async function cli(args: readonly string[], call?: Call): Promise<string> {
    const { exitCode, stdout, stderr } = await finished(clients.historical.start(args, call));
    expect(exitCode, `${args.join(" ")}: ${stdout}${stderr}`).toBe(0);
    return stdout + stderr;
  }
  async function refused(args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await finished(clients.historical.start(args));
    expect(exitCode, `${args.join(" ")}: ${stdout}${stderr}`).toBe(1);
    expect(stdout + stderr).not.toMatch(/Traceback|Fatal exception/);
    return stderr;
  }
  async function python(script: string): Promise<string> {
    const { exitCode, stdout, stderr } = await finished(clients.historical.startPython(script));
    expect(exitCode, stderr).toBe(0);
    return stdout;
  }
  const run = async (...words: string[]): Promise<number> => {
    const said = await cli(["run", "-f", ...words]);
    return Number(/Casting spell #(\d+)/.exec(said)?.[1]);
  };

  it("logs in and out, and manages tokens and keys", async () => {
    const { farm } = clients.historical;
    const set = await farm.spell(["passwd"], { input: "a good password\na good password\n" });
    expect(set.exitCode, set.stderr).toBe(0);
    const user = /^user_name: (\S+)$/m.exec(readFileSync(farm.configuration, "utf8"))?.[1] ?? "";
    expect(await cli(["login", "--identity", user, "--password", "a good password"])).toContain(`Hello, ${user}!`);
    expect(await refused(["login", "--identity", user, "--password", "wrong"])).not.toBe("");
    expect(await cli(["login", "--identity", user, "--password", "a good password"])).toContain("Hello");
    expect(await cli(["whoami"])).toContain(user);
    expect(await cli(["owner"])).toContain(user);
    expect(await cli(["access-tokens", "create", "ci"])).toMatch(/spell_/);
    expect(await refused(["access-tokens", "create", "ci"])).toMatch(/ci/);
    expect(await cli(["access-tokens", "list"])).toContain("ci");
    await cli(["access-tokens", "delete", "ci"]);
    expect(await cli(["keys", "list"])).toContain("SHA256:");
    expect(await cli(["feedback", "thank you"])).not.toMatch(/ERROR/);
    for (const words of [["status"], ["cluster", "list"], ["server", "list"]]) await refused(words);
  });

  it("gathers runs in projects, labels, stops and archives them", async () => {
    await cli(["project", "create", "-n", "first"]);
    const [one, two] = [await run("-b", "-p", "first", "sleep 600"), await run("-b", "sleep 600")];
    await cli(["project", "add-runs", "first", String(two)]);
    expect(await cli(["ps", "-p", "first"])).toMatch(new RegExp(`^${one}\\b[^]*^${two}\\b`, "m"));
    await cli(["project", "remove-runs", "first", String(two)]);
    expect(await cli(["project", "get", "first"])).toContain("first");
    expect(await cli(["project", "list"])).toContain("first");
    await cli(["label", String(one), "good"]);
    expect(await cli(["ps", "-l", "good"])).not.toMatch(new RegExp(`^${two}\\b`, "m"));
    await cli(["label", String(one), "good", "--remove"]);
    expect(await cli(["kill", String(one), String(two), "99"])).toMatch(new RegExp(`${one} ${two}|${one}.*${two}`));
    const wait = `client.runs.get(${one}).wait_status(*client.runs.FINAL); client.runs.get(${two}).wait_status(*client.runs.FINAL)`;
    await python(`import spell.client; client = spell.client.from_environment(); ${wait}`);
    await cli(["archive", String(one), String(two)]);
    expect(await cli(["ps"])).not.toMatch(new RegExp(`^(${one}|${two})\\b`, "m"));
    expect(await refused(["archive", String(one)])).toMatch(/archived/);
    await cli(["project", "archive", "first"]);
  });

  it("uploads, lists, copies, links and removes files, and names models", async () => {
    const { folder } = clients.historical;
    mkdirSync(join(folder, "set", "deep"), { recursive: true });
    writeFileSync(join(folder, "set", "a.txt"), "alpha\n");
    writeFileSync(join(folder, "set", "deep", "b.bin"), Buffer.alloc(6_000_000, 7));
    writeFileSync(join(folder, "set", "empty"), "");
    await cli(["upload", "set", "--name", "plain"]);
    await cli(["upload", "-c", "set", "--name", "packed"]);
    const id = await run(
      "-m",
      "uploads/plain:/in",
      "-m",
      "uploads/packed",
      "cat /in/a.txt packed/a.txt > out.txt; mkdir m; cp -r /in m",
    );
    expect(await cli(["ls", `runs/${id}`])).toMatch(/^12 .* out\.txt$/m);
    expect(await cli(["ls", "uploads"])).toMatch(/packed[^]*plain|plain[^]*packed/);
    await cli(["link", "latest", `runs/${id}`]);
    expect(await cli(["ls", "latest"])).toContain("out.txt");
    await cli(["cp", `runs/${id}/m/in`, "copied"]);
    for (const name of ["a.txt", "deep/b.bin", "empty"]) {
      expect(readFileSync(join(folder, "copied", name)).equals(readFileSync(join(folder, "set", name))), name).toBe(
        true,
      );
    }
    await cli(["model", "create", "net", `runs/${id}`, "-f", "out.txt:weights.txt"]);
    expect(await cli(["model", "list"])).toContain("net");
    expect(await cli(["model", "describe", "net"])).toContain("v1");
    await cli(["unlink", "latest"]);
    await cli(["rm", "uploads/plain"]);
    expect(await refused(["ls", "uploads/plain"])).toMatch(/plain/);
    const script = `
import spell.client
client = spell.client.from_environment()
print([line.path for line in client.resources.ls("runs/${id}")])
client.runs.get(${id}).cp("out.txt", "by-library")
print(open("by-library/out.txt").read(), end="")
model = client.models.new("other", "runs/${id}", files=["out.txt"])
print(model.model_versions[0].formatted_version)
`;
    expect(await python(script)).toMatch(/out\.txt[^]*alpha\nalpha\nv1/);
  });

  it("searches for parameters, and reads metrics that runs send", async () => {
    const script = `
import spell.client
from spell.api.models import ValueSpec, RangeSpec
client = spell.client.from_environment()
SEND = '''python3 -c "
from spell.metrics import send_metric
for step in range(5): send_metric('score', :x: * step)
"'''
grid = client.hyper.new_grid_search({"x": ValueSpec([1, 2])}, command=SEND)
for run in grid.runs: run.wait_status(*client.runs.FINAL)
print(sorted(run.hyper_params["x"] for run in grid.runs))
run = grid.runs[0]
run.wait_metric("score", client.runs.GREATER_THAN_EQUALS, 4)
print([(index, value / run.hyper_params["x"]) for _, index, value in run.metrics("score")])
try:
    run.wait_metric("score", client.runs.GREATER_THAN, 1000)
except Exception as error:
    print(type(error).__name__)
random = client.hyper.new_random_search({"x": RangeSpec(1, 3, type="int")}, 2, command="echo :x:")
print(len(random.runs))
best = client.hyper.new_bayesian_search({"x": RangeSpec(1, 3)}, 3, 2, "score", "max", command=SEND)
best.stop()
`;
    expect(await python(script)).toBe("[1, 2]\n[(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]\nWaitError\n2\n");
    expect(await cli(["hyper", "grid", "-f", "--param", "lr=0.1,0.2", "echo :lr:"])).toMatch(
      /search #\d+[^]*0\.1[^]*0\.2/,
    );
    expect(await cli(["hyper", "list"])).toMatch(/^\d+ /m);
    expect(await cli(["hyper", "describe", "1"])).toContain("x");
    expect(await refused(["hyper", "describe", "99"])).toMatch(/99/);
  });

  it("asked nobody outside this machine", () => {
    expect(clients.tripwire.attempts()).toEqual([]);
  });
});
