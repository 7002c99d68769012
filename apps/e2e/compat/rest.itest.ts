/** Calls that areas.itest.ts does not ask for, by the historical client alone: each must do its work and show that it did. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finished, missingHistorical, startClients } from "./support/clients.ts";
import type { Call, Clients } from "./support/clients.ts";

const CLIENT = "import spell.client\nclient = spell.client.from_environment()\n";
const SEND = `python3 -c "from spell.metrics import send_metric; [send_metric('score', :x: * step) for step in range(3)]"`;

describe.skipIf(missingHistorical !== undefined)("the historical client, further calls", () => {
  let clients: Clients;
  let output: number;
  beforeAll(async () => {
    clients = await startClients();
    output = await run("echo one > out.txt; mkdir d; echo two > d/t");
  });
  afterAll(() => clients?.[Symbol.asyncDispose]());

  async function cli(args: readonly string[], call?: Call): Promise<string> {
    const { exitCode, stdout, stderr } = await finished(clients.historical.start(args, call));
    expect(exitCode, `${args.join(" ")}: ${stdout}${stderr}`).toBe(0);
    return stdout;
  }
  async function refused(args: readonly string[], call?: Call): Promise<string> {
    const { exitCode, stdout, stderr } = await finished(clients.historical.start(args, call));
    expect(exitCode, `${args.join(" ")}: ${stdout}${stderr}`).toBe(1);
    expect(stdout + stderr).not.toMatch(/Traceback|Fatal exception/);
    return stderr;
  }
  async function python(script: string): Promise<string> {
    const { exitCode, stdout, stderr } = await finished(clients.historical.startPython(CLIENT + script));
    expect(exitCode, stderr).toBe(0);
    return stdout;
  }
  const run = async (...words: string[]): Promise<number> =>
    Number(/Casting spell #(\d+)/.exec(await cli(["run", "-f", ...words]))?.[1]);
  const search = async (...words: string[]): Promise<string> =>
    /search #(\d+)/.exec(await cli(["hyper", ...words]))?.[1] ?? "";

  it("changes the password, and adds, makes and removes keys", async () => {
    const { farm, folder } = clients.historical;
    const set = await farm.spell(["passwd"], { input: "a good password\na good password\n" });
    expect(set.exitCode, set.stderr).toBe(0);
    const input = "a good password\nanother password\nanother password\n";
    expect(await cli(["passwd"], { input })).toContain("Password changed");
    expect(await refused(["passwd"], { input: "a good password\n" })).toContain("not your password");
    const user = /^user_name: (\S+)$/m.exec(readFileSync(farm.configuration, "utf8"))?.[1] ?? "";
    expect(await refused(["login", "--identity", user, "--password", "a good password"])).toContain("not known");
    await cli(["login", "--identity", `${user}@localhost`, "--password", "another password"]);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "id")]);
    await cli(["keys", "add", "-f", "id.pub", "-t", "laptop"]);
    const fingerprint = execFileSync("ssh-keygen", ["-lf", join(folder, "id.pub")], { encoding: "utf8" }).split(" ")[1];
    expect(await cli(["keys", "list"])).toContain(fingerprint);
    expect(await refused(["keys", "add", "-f", "id.pub", "-t", "again"])).toContain("laptop");
    await cli(["keys", "rm", "laptop"]);
    expect(await cli(["keys", "list"])).not.toContain("laptop");
    expect(await cli(["curl", "/v1/users/me"])).toContain(`"user_name":"${user}"`);
  });

  it("edits, archives and brings back projects, and stops several runs", async () => {
    const [one, two] = [await run("-b", "sleep 600"), await run("-b", "sleep 600")];
    await cli(["project", "create", "-n", "p", "-r", String(output)]);
    expect(await refused(["project", "create", "-n", "P"])).toContain('"p"');
    await cli(["project", "create", "-n", "q"]);
    expect(await refused(["project", "add-runs", "q", String(output)])).toContain("another project");
    expect(await refused(["project", "remove-runs", "q", String(output)])).toContain("not in this project");
    await cli(["project", "edit", "p", "-n", "renamed", "-d", "other words"]);
    expect(await cli(["project", "get", "renamed"])).toMatch(/other words[^]*out\.txt/);
    await cli(["project", "archive", "renamed"]);
    expect(await cli(["project", "list", "--archived"])).toContain("renamed");
    expect(await cli(["project", "list"])).not.toContain("renamed");
    await cli(["project", "unarchive", "renamed"]);
    expect(await cli(["project", "list"])).toContain("renamed");
    const said = await cli(["stop", String(one), String(two), String(output), "77"]);
    expect(said).toMatch(new RegExp(`finished: ${output}\\n[^]*exist: 77\\n[^]*stopping: ${one} ${two}\\.`));
    expect(await cli(["info", String(output)])).toMatch(/^Project +renamed$/m);
  });

  it("uploads one file, reads links, and files model versions", async () => {
    const { folder } = clients.historical;
    writeFileSync(join(folder, "one.txt"), "alpha\n");
    await cli(["upload", "one.txt", "--name", "single"]);
    expect(await cli(["ls", "uploads/single"])).toMatch(/^6 .* one\.txt$/m);
    await cli(["link", "best", `runs/${output}`]);
    for (const args of [["link"], ["link", "best"]]) expect(await cli(args)).toContain(`best → runs/${output}`);
    expect(await cli(["link", "nope"])).toContain("No links");
    expect(await refused(["unlink", "nope"])).toContain("nope");
    await cli(["model", "create", "net", "best", "-f", "out.txt"]);
    await cli(["model", "create", "net:special", `runs/${output}`, "-d", "whole"]);
    expect(await cli(["model", "describe", "net:special"])).toContain("whole");
    await cli(["model", "update-description", "net:v1", "first try"]);
    expect(await cli(["model", "describe", "net:v1"])).toContain("first try");
    await cli(["model", "download", "net:special", "-d", "got"]);
    expect(readFileSync(join(folder, "got", "d", "t"), "utf8")).toBe("two\n");
    await cli(["model", "rm", "net:v1"], { input: "y\n" });
    expect(await cli(["model", "describe", "net"])).not.toMatch(/^v1 /m);
    await cli(["model", "rm", "net"], { input: "y\n" });
    expect(await refused(["model", "describe", "net"])).toContain("net");
  });

  it("ends and archives searches, and brings their metrics", async () => {
    const { folder } = clients.historical;
    const grid = await search("grid", "-f", "--param", "x=1,2", SEND);
    const script = `search = client.hyper.get(${grid})
for run in search.runs: run.wait_status(*client.runs.FINAL)
print(search.metric_names())`;
    expect(await python(script)).toContain("score");
    await cli(["hyper", "download-metrics", grid]);
    const rows = readFileSync(join(folder, "metrics.csv"), "utf8").trim().split(/\r?\n/).slice(1);
    expect(rows.map((row) => row.replace(/^\d+,(\w+),[^,]+,/, "$1,")).sort()).toEqual(
      ["score,0,0", "score,0,0", "score,1,1", "score,1,2", "score,2,2", "score,2,4"].sort(),
    );
    const random = await search("random", "-f", "-n", "2", "--param", "x=1:3:log:int", "sleep :x:00");
    await cli(["hyper", "kill", random]);
    const options = ["-n", "3", "-r", "1", "--metric", "score", "-a", "max", "--param", "x=1:3"];
    const bayesian = await search("bayesian", "-f", ...options, "sleep 60; echo :x:");
    expect(await cli(["hyper", "describe", bayesian])).toContain("x");
    await cli(["hyper", "stop", bayesian]);
    await cli(["hyper", "archive", grid]);
    expect(await cli(["hyper", "list"])).not.toMatch(new RegExp(`^${grid} `, "m"));
    expect(await refused(["hyper", "archive", grid])).toContain("archived");
  });

  it("asked nobody outside this machine", () => {
    expect(clients.tripwire.attempts()).toEqual([]);
  });
});
