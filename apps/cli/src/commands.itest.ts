import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { FAKE_TOKEN, FakeCoordinator } from "@spell/sdk/fake-coordinator";
import { freePort, tempFolder } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { spell } from "./testing.ts";

const CREATED = 1_588_679_735_000;

describe("ps and info", () => {
  test("tables, verbose, raw, JSON", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    fake.addRun({ command: "wget -O input.txt https://www.gutenberg.org/files/2600/2600-0.txt" });
    fake.addRun({ command: 'python sample.py --prime "a, b"\nand more', status: "building" });
    fake.setStatus(335, "complete", { userExitCode: 0, startedAtMs: CREATED, endedAtMs: CREATED + 6_870 });
    const run = (...args: string[]) => spell({ args, home: home.path, coordinator: fake.address });
    expect(await run("ps")).toEqual({
      exitCode: 0,
      stderr: "",
      stdout: `ID    REPOSITORY    COMMAND                    STATUS        CREATOR
335                 wget -O input.txt https:…  Complete (0)  nora
336                 python sample.py --prime…  *Building     nora
`,
    });
    expect((await run("ps", "-n", "1", "--no-trunc", "-v")).stdout).toMatch(
      /^ID {4}REPOSITORY {4}COMMAND {35}COMMIT {4}STATUS +CREATOR {4}MACHINE {4}DESCRIPTION\n336 {17}python sample\.py --prime "a, b" and more {12}\*Building -- 2020-05-05 {2}nora {7}CPU\n$/,
    );
    expect((await run("ps", "--raw")).stdout).toBe(`335,,wget -O input.txt https:…,Complete (0),nora
336,,python sample.py --prime…,*Building,nora
`);
    expect((await run("ps", "--raw", "--no-trunc", "-n", "1")).stdout).toBe(
      '336,,"python sample.py --prime ""a, b"" and more",*Building,nora\n',
    );
    fake.addRun({ command: "true", spec: { codeRoot: "char-rnn", labels: ["a", "b"] } });
    expect((await run("ps", "-r", "char-rnn", "-l", "x", "-l", "b")).stdout).toBe(
      "ID    REPOSITORY    COMMAND    STATUS    CREATOR\n337   char-rnn      true       Queued    nora\n",
    );
    expect((await run("ps", "-l", "c")).stdout).toBe("ID    REPOSITORY    COMMAND    STATUS    CREATOR\n");
    const listed = JSON.parse((await run("ps", "--json")).stdout) as unknown[];
    expect(listed).toMatchObject([
      { id: 335, status: "complete", user_exit_code: 0 },
      { id: 336, user_exit_code: null },
      { id: 337, labels: ["a", "b"] },
    ]);
    expect((await run("info", "335")).stdout).toBe(`Status        complete (0)
Command       wget -O input.txt https://www.gutenberg.org/files/2600/2600-0.txt
Creator       nora
Machine Type  CPU
Created       2020-05-05 11:55:35
Start Time    2020-05-05 11:55:35
End Time      2020-05-05 11:55:41
Duration      6.87s
`);
    fake.addRun({
      hyperSearchId: 4,
      status: "running",
      spec: {
        codeRoot: "char-rnn",
        gitCommit: "0123456789abcdef0123456789abcdef01234567",
        labels: ["one", "two"],
        mounts: [
          { resource: "runs/1/x", mountPoint: "/data/x" },
          { resource: "runs/2", mountPoint: "" },
        ],
        environment: { A: "b c", D: "" },
        params: { lr: { value: { $case: "number", value: 0.1 } }, text: { value: { $case: "text", value: "1e-4" } } },
        timeoutMinutes: 1,
        stopConditions: [
          {
            all: [
              { metric: "loss", operator: "<", value: 0.5, minIndex: 10 },
              { metric: "acc", operator: ">=", value: 1, minIndex: 0 },
            ],
          },
          { all: [{ metric: "x", operator: ">", value: 2, minIndex: 0 }] },
        ],
        githubUrl: "https://example.org/x.git",
        githubRef: "main",
        description: "two\nlines",
      },
    });
    expect((await run("info", "338")).stdout).toBe(`Repository        char-rnn
Git Commit        0123456789abcdef0123456789abcdef01234567
Status            running
Command           true
Creator           nora
Description       two lines
Machine Type      CPU
GitHub URL        https://example.org/x.git
GitHub Ref        main
Created           2020-05-05 11:55:35
Labels            one
                  two
Mounts            runs/1/x at /data/x
                  runs/2
Environment Vars  A=b c
                  D=
Timeout           1 minute
Stop Conditions   loss < 0.5:10 && acc >= 1
                  x > 2
Hyperparameters   lr=0.1
                  text=1e-4
Hyper Search      4
`);
    expect(JSON.parse((await run("info", "338", "--json")).stdout)).toMatchObject({
      params: { lr: 0.1, text: "1e-4" },
      timeout_minutes: 1,
      stop_conditions: [[{ metric: "loss", min_index: 10 }, {}], [{ operator: ">" }]],
      project_id: null,
      hyper_search_id: 4,
    });
    expect(JSON.parse((await run("info", "335", "--json")).stdout)).toMatchObject({
      id: 335,
      ended_at: "2020-05-05T11:55:41.870Z",
    });
  });
});

test("stop and kill: one, many, ended ones", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  for (let each = 0; each < 6; each += 1) fake.addRun();
  const run = (...args: string[]) => spell({ args, home: home.path, coordinator: fake.address });
  expect(await run("stop", "335")).toMatchObject({
    exitCode: 0,
    stdout: "Stopping run 335. Use 'spell logs -f 335' to view logs while the job finishes.\n",
  });
  expect(await run("kill", "336")).toMatchObject({ exitCode: 0, stdout: "336\n" });
  expect(await run("kill", "335")).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("already ended") });
  expect(await run("stop", "335", "337", "99", "338")).toEqual({
    exitCode: 0,
    stderr: "",
    stdout: `Executing batch stop... Use 'spell logs -f RUN_ID' to view logs for a run while the job finishes.
| Already finished: 335
| Run ID does not exist: 99
--------------------------------------
| Successfully stopping: 337 338. Any outputs will be pushed and saved.
`,
  });
  expect(await run("kill", "-q", "339", "99")).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  expect(fake.run(339).status).toBe("killed");
});

test("stop, kill, archive and label as JSON: of one run as of many", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  for (let each = 0; each < 4; each += 1) fake.addRun({ status: "running" });
  fake.setStatus(338, "complete", { userExitCode: 0 });
  const run = (...args: string[]) => spell({ args: [...args, "--json"], home: home.path, coordinator: fake.address });
  const json = async (...args: string[]): Promise<unknown> => JSON.parse((await run(...args)).stdout);
  expect(await json("stop", "335")).toEqual({ done: [335], missing: [], refused: [], failed: [] });
  expect(await json("stop", "336", "99", "338")).toEqual({
    ...{ done: [336], missing: [99], failed: [] },
    refused: [{ id: 338, message: expect.stringContaining("already ended") as string }],
  });
  expect(await json("kill", "-q", "337")).toMatchObject({ done: [337] });
  const refused = await run("kill", "338");
  expect([refused.exitCode, refused.stdout]).toEqual([1, ""]);
  expect(JSON.parse(refused.stderr)).toMatchObject({ error: { message: expect.stringContaining("already ended") } });
  expect(await json("label", "338", "good")).toEqual({ id: 338, labels: ["good"] });
  expect(await json("label", "338", "good", "--remove")).toEqual({ id: 338, labels: [] });
  expect(await json("archive", "338", "99")).toEqual({ done: [338], missing: [99], refused: [], failed: [] });
});

test("archive and label", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  for (let each = 0; each < 3; each += 1) fake.addRun();
  const run = (...args: string[]) => spell({ args, home: home.path, coordinator: fake.address });
  expect(await run("label", "335", "a b")).toMatchObject({ stdout: "Successfully added label a b to run 335.\n" });
  expect((await run("info", "335")).stdout).toContain("\nLabels        a b\n");
  expect(await run("label", "335", "a b", "--remove")).toMatchObject({
    exitCode: 0,
    stdout: "Successfully removed label a b from run 335.\n",
  });
  expect(await run("archive", "335")).toEqual({ exitCode: 0, stderr: "", stdout: "335\n" });
  expect(await run("archive", "336", "99", "337")).toMatchObject({
    exitCode: 0,
    stdout: "Run ID does not exist: 99\nSuccessfully archived runs: 336 337\n",
  });
  expect(await run("archive", "99")).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("no run 99") });
});

test("login keeps the addresses of several coordinators, and commands find the one that answers", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  const gone = `127.0.0.1:${await freePort()}`;
  const coordinator = `${gone},${fake.address}`;
  const login = ["login", "--coordinator", coordinator, "--token", FAKE_TOKEN, "--json"];
  expect(JSON.parse((await spell({ args: login, home: home.path })).stdout)).toMatchObject({ coordinator });
  const apis = [gone, fake.address].map((address) => address.replace(/\d+$/, (port) => String(Number(port) + 1)));
  expect(await readFile(join(home.path, ".spell", "config"), "utf8")).toContain(
    `api_url: ${apis.map((address) => `http://${address}`).join(",")}\n`,
  );
  expect((await spell({ args: ["me", "--json"], home: home.path })).stdout).toContain('"user_name":"nora"');
});

test("login keeps a private file, whoami uses it, logout forgets it", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  const path = join(home.path, ".spell", "config");
  const run = (args: string[], input = "") => spell({ args, home: home.path, input });
  const wrong = await run(["login", "--coordinator", fake.address, "--token", "wrong"]);
  expect(wrong).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("token is not known") });
  await expect(stat(path)).rejects.toThrow("ENOENT");
  const right = await run(["login", "--coordinator", fake.address], `${FAKE_TOKEN}\n`);
  expect(right).toEqual({ exitCode: 0, stdout: "Hello, nora!\n", stderr: "" });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const text = await readFile(path, "utf8");
  const [host, port] = fake.address.split(":");
  expect(text).toBe(`type: global
token: ${FAKE_TOKEN}
coordinator: ${fake.address}
owner: nora
user_name: nora
email: nora@example.org
api_url: http://${host}:${Number(port) + 1}
`);
  expect((await run(["whoami"])).stdout).toBe(`USER NAME    EMAIL             CREATED     LAST LOG IN
nora         nora@example.org  1970-01-01  Never
`);
  expect(JSON.parse((await run(["me", "--json"])).stdout)).toEqual({
    ...{ user_name: "nora", email: "nora@example.org", full_name: "Nora N.", operator: true, has_password: false },
    ...{ created_at: "1970-01-01T00:00:00.001Z", last_logged_in: null, coordinator: fake.address },
  });
  expect((await run(["whoami", "--raw"])).stdout).toBe(`email,nora@example.org
user_name,nora
full_name,Nora N.
created_at,1970-01-01 00:00:00.001000+00:00
updated_at,1970-01-01 00:00:00.001000+00:00
is_admin,False
last_logged_in,None
memberships,None
`);
  expect(await run(["owner"])).toMatchObject({ exitCode: 0, stdout: "➔ nora\n" });
  expect(await run(["owner", "nora"])).toMatchObject({ exitCode: 0, stdout: "➔ nora\n" });
  expect(await run(["owner", "bob"])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("Invalid owner name: bob"),
  });
  expect((await run(["machine-types"])).stdout).toBe("NAME    SLOTS    FREE\nCPU     4        4\nV100    1        0\n");
  expect(await run(["logout"])).toEqual({ exitCode: 0, stdout: "Bye!\n", stderr: "" });
  expect((await run(["logout"])).stdout).toBe("You were not logged in.\n");
  expect((await run(["whoami"])).exitCode).toBe(1);
});

test("help and version exit 0", async () => {
  await using home = await tempFolder();
  const run = (...args: string[]) => spell({ args, home: home.path });
  expect(await run()).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("machine-types") });
  expect(await run("--version")).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  expect(await run("workflow", "--help")).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("--repo <LABEL=PATH"),
  });
});
