import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FakeCoordinator } from "@spell/sdk/fake-coordinator";
import type { RunStatus } from "@spell/sdk";
import { decodeNode, digestOf } from "@spell/spellfs";
import { tempFolder, waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { spell, startSpell } from "./testing.ts";

/** The paths of the latest tree that was committed. */
function paths(fake: FakeCoordinator): string[] {
  const nodes = new Map(fake.commits.flatMap(({ nodes }) => nodes.map((node) => [digestOf(node) as string, node])));
  const walk = (digest: string, prefix: string): string[] => {
    const node = nodes.get(digest);
    if (node === undefined) throw new Error(`no node ${digest}`);
    return decodeNode(node).flatMap((entry) =>
      entry.kind === "directory" ? walk(entry.digest, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
    );
  };
  return walk(fake.commits.at(-1)?.root ?? "", "").sort();
}

function git(cwd: string, ...args: string[]): void {
  const identity = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"];
  execFileSync("git", [...identity, ...args], { cwd, stdio: "pipe" });
}

/** `code/` with a script, and a cloned repository in it. */
async function codeFolder(home: string): Promise<string> {
  const code = join(home, "code");
  const clone = join(code, "char-rnn-tensorflow");
  await mkdir(join(clone, "data"), { recursive: true });
  await writeFile(join(code, "workflow.py"), "import spell.client\n");
  await writeFile(join(clone, "train.py"), "print('train')\n");
  await writeFile(join(clone, "data", "x.txt"), "x");
  await writeFile(join(clone, "junk.pyc"), "junk");
  await writeFile(join(clone, ".gitignore"), "*.pyc\n");
  git(clone, "init");
  git(clone, "add", ".");
  git(clone, "commit", "-m", "First");
  return code;
}

describe("workflow", () => {
  test("outside git: the known lines, the labelled repository beside the script", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = await codeFolder(home.path);
    const args = ["workflow", "--repo", "char-rnn=char-rnn-tensorflow/", "python workflow.py"];
    using running = startSpell({ args, home: home.path, cwd, coordinator: fake.address });
    await waitFor("the log to be followed", () => fake.held === 1);
    fake.print(335, { text: "Run created", status: "machine_requested", statusEvent: true, level: "info" });
    fake.print(335, { text: "Run is running", statusEvent: true, level: "info" }, { text: "waiting for run 336" });
    fake.print(335, { text: "Run 335 complete", status: "complete", statusEvent: true, level: "info" });
    fake.setStatus(335, "complete", { userExitCode: 0 });
    const result = await running.done;
    expect(result).toEqual({ exitCode: 0, stderr: "", stdout: expect.any(String) });
    expect(result.stdout.replace(/\d+ objects, .*/, "N objects")).toBe(`✨ Syncing repo char-rnn-tensorflow/.
Uploaded N objects
💫 Casting workflow #9…
✨ Following workflow at run 335.
✨ Stop viewing logs with ^C
✨ Run created
✨ Run is running
waiting for run 336
🎉 Run 335 complete
`);
    expect(paths(fake)).toEqual([
      "code/char-rnn-tensorflow/.gitignore",
      "code/char-rnn-tensorflow/data/x.txt",
      "code/char-rnn-tensorflow/train.py",
      "code/workflow.py",
    ]);
    expect(fake.createWorkflowRequests).toMatchObject([
      {
        spec: { command: "python workflow.py", codeRoot: "code", cwd: "", codeTree: fake.commits[0]?.root },
        labels: [{ label: "char-rnn", path: "code/char-rnn-tensorflow" }],
      },
    ]);
    const again = await spell({ args: [...args, "-b"], home: home.path, cwd, coordinator: fake.address });
    expect(again.stdout).toBe(`✨ Syncing repo char-rnn-tensorflow/.
Everything up-to-date
💫 Casting workflow #10…
View logs with \`spell logs 336\`
`);
    expect(fake.commits).toHaveLength(1);
  });

  test("inside git: from a sub-directory, with changes, an ignored clone and a directory elsewhere", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const code = await codeFolder(home.path);
    await writeFile(join(code, ".gitignore"), "char-rnn-tensorflow/\nsecret.txt\n");
    await writeFile(join(code, "secret.txt"), "s");
    await mkdir(join(code, "sub"));
    await writeFile(join(code, "sub", "a.py"), "a");
    git(code, "init");
    git(code, "add", ".");
    git(code, "commit", "-m", "Add everything\n\nbody");
    await writeFile(join(code, "sub", "a.py"), "changed");
    await writeFile(join(code, "new.txt"), "untracked");
    await mkdir(join(home.path, "far"));
    await writeFile(join(home.path, "far", "f.txt"), "f");
    const result = await spell({
      args: [
        "workflow",
        "create",
        "python",
        "a.py",
        "-r",
        "far=../../far",
        "-r",
        "rnn=../char-rnn-tensorflow",
        "-b",
        "--json",
      ],
      home: home.path,
      cwd: join(code, "sub"),
      coordinator: fake.address,
    });
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    expect(JSON.parse(result.stdout)).toMatchObject({ id: 9, managing_run: { id: 335, cwd: "sub" } });
    expect(paths(fake)).toEqual([
      "code/.gitignore",
      "code/char-rnn-tensorflow/.gitignore",
      "code/char-rnn-tensorflow/data/x.txt",
      "code/char-rnn-tensorflow/train.py",
      "code/new.txt",
      "code/sub/a.py",
      "code/workflow.py",
      "far/f.txt",
    ]);
    expect(fake.createWorkflowRequests[0]).toMatchObject({
      labels: [
        { label: "far", path: "far" },
        { label: "rnn", path: "code/char-rnn-tensorflow" },
      ],
      spec: {
        command: "python a.py",
        codeRoot: "code",
        cwd: "sub",
        description: "Add everything",
        gitCommit: expect.stringMatching(/^[0-9a-f]{40}$/),
        workspaceId: 2,
      },
    });
    const rootCommit = expect.stringMatching(/^[0-9a-f]{40}$/);
    expect(fake.workspaces).toMatchObject([
      { name: "char-rnn-tensorflow", rootCommit },
      { name: "code", rootCommit },
    ]);
  });
});

describe("run", () => {
  test("options before and after the words, -- ends them, nothing is quoted again", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(cwd);
    await writeFile(join(cwd, "x.py"), "x");
    const run = (...args: string[]) =>
      spell({ args: ["run", "-b", ...args], home: home.path, cwd, coordinator: fake.address });
    expect(
      (await run("python", "x.py", "-t", "v100", "-m", "runs/1/a:b", "-e", "A=b=c", "--label", "one")).stdout,
    ).toMatch(/^Uploaded .*\n💫 Casting spell #335…\nView logs with `spell logs 335`\n$/);
    await run("-d", "about", "--", "python", "x.py", "--epochs", "5", "-t", "7");
    const plain = await spell({
      args: ["run", "-b", "echo 'a  b' && ls"],
      home: home.path,
      cwd,
      coordinator: fake.address,
      environment: { LANG: "C" },
    });
    expect(plain.stdout).toBe("Everything up-to-date\nCasting spell #337...\nView logs with `spell logs 337`\n");
    expect(fake.createRunRequests.map(({ spec }) => spec)).toMatchObject([
      {
        command: "python x.py",
        machineType: "v100",
        mounts: [{ resource: "runs/1/a", mountPoint: "b" }],
        environment: { A: "b=c" },
        labels: ["one"],
        codeRoot: "code",
      },
      { command: "python x.py --epochs 5 -t 7", description: "about", machineType: "" },
      { command: "echo 'a  b' && ls" },
    ]);
  });

  test.each([
    ["createRun", ["run", "-b", "python x.py"], /^💫 Casting spell #335…$/m],
    ["createWorkflow", ["workflow", "-b", "--repo", "lib=lib", "python x.py"], /^💫 Casting workflow #9…$/m],
  ] as const)("code that is collected before %s names it is sent again, once", async (call, args, said) => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(join(cwd, "lib"), { recursive: true });
    for (const name of ["x.py", "lib/y.py"]) await writeFile(join(cwd, name), name);
    fake.collectBefore = call;
    const result = await spell({ args: [...args], home: home.path, cwd, coordinator: fake.address });
    expect(result).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(said) });
    expect(result.stderr).toContain("sending it again");
    expect(fake.commits.map(({ root }) => root)).toEqual([fake.commits[0]?.root, fake.commits[0]?.root]);
    expect([fake.createRunRequests.length, fake.createWorkflowRequests.length].toSorted()).toEqual([0, 2]);
    expect(fake.runIds).toEqual([335]);
  });

  test("a lost answer makes one run; the exit code is 0 whatever becomes of it", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(cwd);
    fake.loseAnswerOf.add("createRun");
    using running = startSpell({ args: ["run", "false"], home: home.path, cwd, coordinator: fake.address });
    await waitFor("the log to be followed", () => fake.held === 1);
    fake.print(335, {
      text: "Run 335 failed: The command exited with code 1.",
      status: "failed",
      statusEvent: true,
      level: "error",
    });
    fake.setStatus(335, "failed", { userExitCode: 1 });
    const result = await running.done;
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toContain("💥 Run 335 failed: The command exited with code 1.\n");
    expect(fake.createRunRequests).toHaveLength(2);
    expect(fake.runIds).toEqual([335]);
  });

  test.each<{ ends: RunStatus; userExitCode: number | undefined; exitCode: number; line: string }>([
    { ends: "complete", userExitCode: 0, exitCode: 0, line: "🎉 Run 335 complete" },
    { ends: "failed", userExitCode: 7, exitCode: 7, line: "💥 Run 335 failed: it ended" },
    { ends: "killed", userExitCode: undefined, exitCode: 125, line: "💀 Run 335 killed: it ended" },
    { ends: "interrupted", userExitCode: undefined, exitCode: 125, line: "✋ Run 335 interrupted: it ended" },
  ])("--wait: a run that is $ends exits with $exitCode", async ({ ends, userExitCode, exitCode, line }) => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(cwd);
    using running = startSpell({ args: ["run", "--wait", "x"], home: home.path, cwd, coordinator: fake.address });
    await waitFor("the end to be waited for", () => fake.held === 1);
    fake.setStatus(335, ends, { userExitCode, reason: "it ended" });
    const result = await running.done;
    expect(result).toEqual({ exitCode, stderr: "", stdout: expect.stringMatching(`Casting spell #335…\n${line}\n$`) });
  });

  test("--wait: ^C leaves the run alone, and is no success", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(cwd);
    using running = startSpell({ args: ["run", "--wait", "x"], home: home.path, cwd, coordinator: fake.address });
    await waitFor("the end to be waited for", () => fake.held === 1);
    running.signal("SIGINT");
    const { exitCode, stdout } = await running.done;
    expect(exitCode).toBe(130);
    expect(stdout).toMatch(/\n\n✨ Your run is still running remotely\.\n/);
    expect(fake.run(335).status).toBe("machine_requested");
  });

  test("-c: the files of a commit, with what is ignored now; the user's own stay as they are", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(join(cwd, "sub"), { recursive: true });
    await writeFile(join(cwd, "sub", "x.py"), "first");
    await writeFile(join(cwd, "kept.log"), "first");
    git(cwd, "init");
    git(cwd, "add", ".");
    git(cwd, "commit", "-m", "First");
    git(cwd, "tag", "v1");
    await writeFile(join(cwd, ".gitignore"), "*.log\n");
    git(cwd, "rm", "-q", "--cached", "kept.log");
    git(cwd, "add", ".");
    git(cwd, "commit", "-m", "Second");
    await writeFile(join(cwd, "sub", "x.py"), "changed");
    await writeFile(join(cwd, "staged.py"), "staged");
    git(cwd, "add", "staged.py");
    const run = (...args: string[]) =>
      spell({ args: ["run", "-b", ...args], home: home.path, cwd: join(cwd, "sub"), coordinator: fake.address });
    const first = await run("-c", "v1", "python", "x.py");
    expect(first).toMatchObject({ exitCode: 0, stderr: "" });
    expect(first.stdout).not.toContain("uncommitted");
    expect(paths(fake)).toEqual(["code/kept.log", "code/sub/x.py"]);
    expect(fake.createRunRequests[0]?.spec).toMatchObject({ description: "First", cwd: "sub", codeRoot: "code" });
    expect((await run("-c", "HEAD", "true")).stdout).toContain("Preparing uncommitted changes…");
    expect(paths(fake)).toEqual(["code/.gitignore", "code/staged.py", "code/sub/x.py"]);
    expect(execFileSync("git", ["status", "--porcelain"], { cwd, encoding: "utf8" })).toBe(
      "A  staged.py\n M sub/x.py\n",
    );
    for (const ref of ["v2", "--all", "HEAD:sub", ""]) {
      expect(await run(`--commit-ref=${ref}`, "true")).toMatchObject({
        exitCode: 5,
        stderr: expect.stringContaining("there is no such commit"),
      });
    }
  });

  test("what else may be asked for, old options with a warning, code from a git URL", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(cwd);
    const options = [
      "--param",
      "lr=0.1",
      "--timeout",
      "5",
      "--stop-condition",
      "loss < 0.1:10 && acc > 1",
      "--idempotent",
    ];
    const old = ["--framework", "tensorflow==1.13.1", "--python3", "--disable-auto-resume", "--distributed", "1"];
    const args = ["run", "-b", "python", "x.py", ...options, ...old, "--github-url", "https://example.org/x.git"];
    const result = await spell({ args, home: home.path, cwd, coordinator: fake.address });
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    expect(fake.commits).toEqual([]);
    expect(fake.createRunRequests).toMatchObject([
      {
        idempotent: true,
        spec: {
          params: { lr: { value: { $case: "number", value: 0.1 } } },
          timeoutMinutes: 5,
          stopConditions: [
            {
              all: [
                { metric: "loss", operator: "<", value: 0.1, minIndex: 10 },
                { metric: "acc", operator: ">", value: 1, minIndex: 0 },
              ],
            },
          ],
          githubUrl: "https://example.org/x.git",
          codeTree: "",
          cwd: "",
          hints: ["--framework tensorflow==1.13.1", "--python3"],
        },
      },
    ]);
  });
});
