import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FakeCoordinator } from "@spell/sdk/fake-coordinator";
import { freePort, tempFolder } from "@spell/testing";
import type { TempFolder } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { spell } from "./testing.ts";

let fake: FakeCoordinator;
let folder: TempFolder;

beforeAll(async () => {
  fake = await FakeCoordinator.start();
  folder = await tempFolder();
  await mkdir(join(folder.path, "code", "lib"), { recursive: true });
  await writeFile(join(folder.path, "code", "a.py"), "print(1)\n");
});

afterAll(async () => {
  await fake[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe("refusals: exit code, message on stderr, nothing created", () => {
  test.each<[args: string[], exitCode: number, stderr: RegExp]>([
    [["frobnicate"], 2, /unknown command 'frobnicate'/],
    [["pss"], 2, /Did you mean ps\?/],
    [["--bogus", "ps"], 2, /unknown option '--bogus'/],
    [["--api-version", "v2", "ps"], 3, /there is only version v1/],
    [["--api-url", "x", "ps"], 3, /write it as http:\/\/HOST:PORT/],
    [["--web-url", "http://x", "ps"], 3, /--web-url/],
    [["run", "--machine-typ", "CPU", "true"], 2, /Did you mean --machine-type\?/],
    [["run", "-b", "--wait", "true"], 2, /'--wait' cannot be used with option '-b, --background'/],
    [["run", "--from-file", "nowhere.yaml"], 3, /--from-file nowhere\.yaml cannot be read/],
    [["run"], 2, /missing required argument 'command'/],
    [["run", ""], 3, /The command is empty/],
    [["run", "python", "--epochs", "5"], 2, /unknown option '--epochs'[^]*follows "--"/],
    [["run", "-t", "H100", "true"], 2, /^invalid choice: H100 \(choose from CPU, V100\)$/m],
    [["run", "--pip", "numpy", "true"], 3, /--pip: Packages cannot be installed by option yet/],
    [["run", "true", "--github-ref", "v1"], 3, /--github-ref needs --github-url/],
    [["run", "-c", "v1", "true"], 5, /--commit-ref v1: .* is not in a git repository/],
    [["run", "--timeout", "0", "true"], 2, /--timeout needs a number of minutes/],
    [["run", "--timeout", "1.5", "true"], 2, /--timeout needs a number of minutes/],
    [["run", "--param", "lr", "true"], 3, /write --param NAME=VALUE/],
    [["run", "--stop-condition", "loss = 3", "true"], 3, /write it as "METRIC < VALUE"/],
    [["run", "--distributed", "2", "true"], 3, /several machines are not offered yet/],
    [["run", "--docker", "ubuntu", "true"], 3, /--docker: Docker images are not offered yet/],
    [["run", "--python2", "true"], 3, /--python2: Python 2 cannot be chosen/],
    [["run", "-e"], 2, /option '-e, --env <NAME=VALUE>' argument missing/],
    [["run", "-e", "=1", "true"], 3, /needs a name/],
    [["archive"], 2, /missing required argument 'run-id'/],
    [["archive", "77"], 1, /There is no run 77/],
    [["label", "77"], 2, /missing required argument 'label'/],
    [["label", "77", "x"], 1, /There is no run 77/],
    [["logs", "-n", "x", "77"], 2, /--tail needs a number/],
    [["run", "-m", "a:b:c", "true"], 3, /cannot be understood/],
    [["run", "-m", "runs/999", "true"], 1, /Cannot mount resource "runs\/999": not a valid resource/],
    [["workflow"], 2, /missing required argument 'command'/],
    [["workflow", "--repo", "lib", "true"], 3, /write --repo LABEL=PATH/],
    [["workflow", "--repo", "a=lib:v1", "true"], 5, /--repo a=lib:v1: .* is not in a git repository/],
    [["workflow", "--repo", "a=lib:", "true"], 3, /LABEL=PATH:COMMIT/],
    [["workflow", "--repo", "a=lib", "--github-repo", "a=https://h/x", "true"], 6, /The label "a" is given twice/],
    [["workflow", "--github-repo", "lib", "true"], 3, /write --github-repo LABEL=URL/],
    [["workflow", "--local", "-b", "true"], 3, /--background is for a master run/],
    [["workflow", "--local", "-c", "v1", "true"], 3, /--commit-ref is for a master run/],
    [["workflow", "rm", "77"], 1, /There is no workflow 77/],
    [["workflow", "rm", "x"], 2, /invalid ID/],
    [["workflow", "--repo", "a=lib", "-r", "a=lib", "true"], 6, /The label "a" is given twice/],
    [["workflow", "--repo", "a=nowhere/", "true"], 6, /there is no directory nowhere\//],
    [["workflow", "--repo", "a=a.py", "true"], 6, /a\.py is not a directory/],
    [["workflow", "--repo", "a=lib", ""], 3, /The command is empty/],
    [["workflow", "-t", "V100", "true"], 2, /unknown option '-t'/],
    [["workflow", "stop", "x"], 2, /invalid ID/],
    [["logs", "abc"], 2, /invalid ID: "abc"/],
    [["logs", "77"], 1, /There is no run 77/],
    [["info", "77"], 1, /There is no run 77/],
    [["stop", "77"], 1, /There is no run 77/],
    [["ps", "-n", "0"], 2, /number from 1 to 10000/],
  ])("spell %j exits %d", async (args, exitCode, stderr) => {
    const cwd = join(folder.path, "code");
    const result = await spell({ args, home: folder.path, cwd, coordinator: fake.address });
    expect(result).toMatchObject({ exitCode, stderr: expect.stringMatching(stderr) });
    expect(result.stdout).not.toContain("Casting");
    expect(fake.runIds).toEqual([]);
    expect(await readdir(folder.path)).toEqual(["code"]);
  });

  test("not logged in", async () => {
    const result = await spell({ args: ["ps"], home: folder.path });
    expect(result).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: 'No login session found. Please log in ("spell login").\n',
    });
  });

  test.each(["ps", "run true", "workflow true"])("coordinator away: spell %s says so in time", async (words) => {
    const coordinator = `127.0.0.1:${await freePort()}`;
    const startedAt = Date.now();
    const cwd = join(folder.path, "code");
    const result = await spell({ args: words.split(" "), home: folder.path, cwd, coordinator });
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(
      `Can't reach Spell at ${coordinator}: nothing listens there. Is the coordinator running`,
    );
    expect(Date.now() - startedAt).toBeLessThan(10_000);
  });

  test("wrong token", async () => {
    const environment = { SPELL_TOKEN: "wrong" };
    const result = await spell({
      args: ["run", "true"],
      home: folder.path,
      cwd: join(folder.path, "code"),
      coordinator: fake.address,
      environment,
    });
    expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/token is not known.*Log in again/) });
  });

  test("a home directory is not sent unless it is meant", async () => {
    const before = fake.commits.length;
    const result = await spell({ args: ["run", "-b", "true"], home: folder.path, coordinator: fake.address });
    expect(result).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("say -f if you mean it") });
    expect(fake.commits.length).toBe(before);
  });

  test("errors as JSON", async () => {
    const result = await spell({ args: ["info", "77", "--json"], home: folder.path, coordinator: fake.address });
    expect(JSON.parse(result.stderr)).toEqual({
      error: { code: "not-found", reason: "no-such-run", message: "There is no run 77." },
    });
  });

  test("an unreadable configuration is named", async () => {
    await using other = await tempFolder();
    await mkdir(join(other.path, ".spell"));
    await writeFile(join(other.path, ".spell", "config"), "{{{");
    const result = await spell({ args: ["ps"], home: other.path });
    expect(result).toMatchObject({ exitCode: 3, stderr: expect.stringMatching(/config is not YAML/) });
  });
});
