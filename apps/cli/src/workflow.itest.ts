import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FakeCoordinator } from "@spell/sdk/fake-coordinator";
import { decodeNode, digestOf } from "@spell/spellfs";
import { tempFolder } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { spell, startSpell } from "./testing.ts";

/** The paths of a tree that was committed. */
function paths(fake: FakeCoordinator, root: string | undefined): string[] {
  const nodes = new Map(fake.commits.flatMap(({ nodes }) => nodes.map((node) => [digestOf(node) as string, node])));
  const walk = (digest: string, prefix: string): string[] => {
    const node = nodes.get(digest);
    if (node === undefined) throw new Error(`no node ${digest}`);
    return decodeNode(node).flatMap((entry) =>
      entry.kind === "directory" ? walk(entry.digest, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
    );
  };
  return walk(root ?? "", "").sort();
}

function git(cwd: string, ...args: string[]): string {
  const identity = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"];
  return execFileSync("git", [...identity, ...args], { cwd, stdio: "pipe", encoding: "utf8" }).trim();
}

/** `code/` with a script and, ignored by nobody, a repository `lib` whose second commit renamed a file. */
async function codeFolder(home: string): Promise<{ code: string; first: string; second: string }> {
  const code = join(home, "code");
  const lib = join(code, "lib");
  await mkdir(join(lib, "sub"), { recursive: true });
  await writeFile(join(code, "workflow.py"), "import spell.client\n");
  await writeFile(join(lib, "old.py"), "1");
  await writeFile(join(lib, "sub", "s.py"), "1");
  git(lib, "init");
  git(lib, "add", ".");
  git(lib, "commit", "-m", "First");
  git(lib, "mv", "old.py", "new.py");
  git(lib, "commit", "-m", "Second");
  await writeFile(join(lib, "untracked.py"), "1");
  return { code, first: git(lib, "rev-parse", "HEAD~1"), second: git(lib, "rev-parse", "HEAD") };
}

describe("labels that are settled at once", () => {
  test("stand for the files of a commit, or for a git URL; others for a directory of the master", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const { code, first } = await codeFolder(home.path);
    const args = [
      ...["workflow", "-b", "-r", "now=lib", "-r", "then=lib:HEAD~1", "-r", "part=lib/sub:HEAD"],
      ...["--github-repo", "far=https://h:8080/u/far.git:v1", "--github-repo", "head=git@h:u/r", "python workflow.py"],
    ];
    const result = await spell({ args, home: home.path, cwd: code, coordinator: fake.address });
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    expect(result.stdout).toMatch(/Syncing repo lib\.\n[^]*Syncing repo lib:HEAD~1\.\n[^]*Casting workflow #9…/);
    const [request] = fake.createWorkflowRequests;
    const labels = new Map(request?.labels.map((label) => [label.label, label]));
    expect(labels.get("now")).toMatchObject({ path: "code/lib", codeTree: "", githubUrl: "" });
    const then = labels.get("then");
    expect(then).toMatchObject({ path: "", codeRoot: "lib", gitCommit: first });
    expect(paths(fake, then?.codeTree)).toEqual(["lib/old.py", "lib/sub/s.py"]);
    const part = labels.get("part");
    expect(part).toMatchObject({ codeRoot: "sub" });
    expect(paths(fake, part?.codeTree)).toEqual(["sub/s.py"]);
    expect(labels.get("far")).toMatchObject({ githubUrl: "https://h:8080/u/far.git", githubRef: "v1", codeTree: "" });
    expect(labels.get("head")).toMatchObject({ githubUrl: "git@h:u/r", githubRef: "" });
  });

  test("are refused for a commit that is not there, before there is a workflow", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const { code } = await codeFolder(home.path);
    for (const [repo, message] of [
      ["a=lib:nowhere", /^--repo a=lib:nowhere: there is no such commit/],
      ["a=lib:--all", /there is no such commit/],
    ] as const) {
      const args = ["workflow", "-b", "-r", repo, "true"];
      const result = await spell({ args, home: home.path, cwd: code, coordinator: fake.address });
      expect(result).toMatchObject({ exitCode: 5, stderr: expect.stringMatching(message) });
    }
    expect(fake.createWorkflowRequests).toEqual([]);
  });
});

describe("--local", () => {
  test("runs the command here, in its workflow, and exits as it does", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const { code, second } = await codeFolder(home.path);
    const command = 'echo "workflow $SPELL_WORKFLOW_ID $A"; pwd; read line; echo "$line"; exit 7';
    const args = ["workflow", "create", "--local", "-e", "A=x y", "-r", "lib=lib", command];
    const result = await spell({ args, home: home.path, cwd: code, coordinator: fake.address, input: "typed\n" });
    expect(result).toEqual({
      exitCode: 7,
      stderr: "",
      stdout: `✨ Syncing repo lib.\n💫 Casting workflow #9…\nworkflow 9 x y\n${code}\ntyped\n`,
    });
    expect(fake.runIds).toEqual([]);
    const [request] = fake.createWorkflowRequests;
    expect(request).toMatchObject({ local: true, spec: undefined });
    expect(request?.labels).toMatchObject([{ label: "lib", path: "", codeRoot: "lib", gitCommit: second }]);
    expect(paths(fake, request?.labels[0]?.codeTree)).toEqual(["lib/new.py", "lib/sub/s.py", "lib/untracked.py"]);
  });

  test("says by its exit code which signal ended the command", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const options = { home: home.path, coordinator: fake.address };
    const killed = await spell({ args: ["workflow", "--local", "kill -KILL $$"], ...options });
    expect(killed.exitCode).toBe(137);
    using running = startSpell({ args: ["workflow", "--local", "echo up; exec sleep 60"], ...options });
    await running.sees("up");
    running.signal("SIGTERM");
    expect((await running.done).exitCode).toBe(143);
  });
});

test("workflow rm archives", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  const run = (...args: string[]) => spell({ args, home: home.path, coordinator: fake.address });
  await run("workflow", "-b", "-f", "true");
  expect(await run("workflow", "rm", "9")).toEqual({ exitCode: 0, stdout: "Archiving workflow 9.\n", stderr: "" });
  expect(await run("workflow", "rm", "9")).toMatchObject({ exitCode: 1, stderr: "There is no workflow 9.\n" });
});

test("repos lists what was pushed", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  const run = (...args: string[]) => spell({ args: ["repos", ...args], home: home.path, coordinator: fake.address });
  expect((await run()).stdout).toBe("NAME    CREATOR    CREATED    UPDATED\n");
  const times = { createdAtMs: Date.UTC(2020, 3, 1, 12), updatedAtMs: Date.now() };
  const root = "a".repeat(40);
  fake.workspaces = [{ id: 3, name: "char\nrnn", rootCommit: root, description: "", owner: "nora", ...times }];
  expect((await run()).stdout).toMatch(
    /^NAME +CREATOR +CREATED +UPDATED\nchar.rnn +nora +2020-04-01 +\d+ seconds ago\n$/,
  );
  expect(JSON.parse((await run("--json")).stdout)).toMatchObject([
    { id: 3, name: "char\nrnn", root_commit: root, creator: "nora", created_at: "2020-04-01T12:00:00.000Z" },
  ]);
});
