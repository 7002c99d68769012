/** Code as the command lines bring it, from git repositories as users have them, and workflows made of it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { finished } from "./support/clients.ts";
import type { Client } from "./support/clients.ts";
import { area } from "./support/scenario.ts";

/** A repository of the client's user; files that end in .sh can be executed. */
function repository(client: Client, name: string, files: Record<string, string>): { path: string; commit: Committer } {
  const path = join(client.folder, name);
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: path, env: client.environment, encoding: "utf8", stdio: "pipe" }).trim();
  const commit = (more: Record<string, string>, message = "A commit"): string => {
    write(path, more);
    git("add", "--all");
    git("commit", "--quiet", "--message", message);
    return git("rev-parse", "HEAD");
  };
  mkdirSync(path);
  git("init", "--quiet");
  commit(files, "First");
  return { path, commit: Object.assign(commit, { git }) };
}

type Committer = ((files: Record<string, string>, message?: string) => string) & { git: (...args: string[]) => string };

function write(path: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text, { mode: name.endsWith(".sh") ? 0o755 : 0o644 });
  }
}

const LIST = "ls -A | tr '\\n' ' '; pwd";

area("code", { farm: { env: { SPELL_ALLOW_GIT_PROTOCOL: "file" } } }, ({ scenario }) => {
  scenario("a git repository", async ({ client, cli }) => {
    const { path: cwd, commit } = repository(client, "project", {
      ".gitignore": "*.log\n",
      "train.py": "print('one')\n",
      "setup.sh": "#!/bin/sh\necho set up in $PWD\n",
      "sub/s.py": "print(open('../train.py').read())\n",
      "big.bin": "x".repeat(3_000_000),
    });
    const run = async (step: string, args: readonly string[], where = cwd): Promise<string> => {
      const { exitCode, stdout } = await cli(step, ["run", ...args], { cwd: where });
      expect(exitCode, stdout).toBe(0);
      return stdout;
    };
    expect(await run("clean", ["python3 train.py && ./setup.sh"])).toContain("\none\nset up in /spell/project\n");
    expect(await run("again", [LIST])).toContain("\n.gitignore big.bin setup.sh sub train.py /spell/project\n");
    expect(await run("a script of it", ["./setup.sh"])).toContain("\nset up in /spell/project\n");
    await run("output by its absolute path", ["mkdir /spell/project/out; echo kept > /spell/project/out/f"]);
    expect((await cli("ls of it", ["ls", "runs/4/out"])).stdout).toMatch(/^5 .* f$/m);
    write(cwd, { "train.py": "print('changed')\n" });
    expect(await run("changed", ["python3 train.py"])).toContain("\nchanged\n");
    expect(await run("from a folder", ["python3 s.py; pwd"], join(cwd, "sub"))).toContain(
      "print('changed')\n\n/spell/project/sub\n",
    );
    commit.git("checkout", "--quiet", "--", ".");
    const first = commit.git("rev-parse", "HEAD");
    commit({ "second.py": "" }, "Second");
    expect(await run("an older commit", ["--commit-ref", "HEAD~1", LIST])).toContain("big.bin setup.sh sub train.py ");
    commit.git("checkout", "--quiet", "--detach", first);
    commit({ "other.py": "" }, "Other");
    // The branch of that commit was pushed from a HEAD that is no part of this one's history.
    expect(await run("the same from elsewhere", ["--commit-ref", first, LIST])).toContain("big.bin setup.sh sub ");
    expect(await run("detached", [LIST])).toContain("big.bin other.py setup.sh sub ");
    expect((await cli("a bad commit", ["run", "--commit-ref", "nowhere", "true"], { cwd })).exitCode).toBe(5);
    await cli("ps", ["ps"]);
  });

  scenario("a git URL", async ({ client, cli }) => {
    const { path, commit } = repository(client, "published", { "a.py": "print('a')\n" });
    commit.git("tag", "v1");
    commit({ "b.py": "" });
    const url = `file://${path}/.git`.replace(/\/\.git$/, "");
    const from = (step: string, ...args: string[]) => cli(step, ["run", "--github-url", ...args]);
    expect((await from("its default branch", url, LIST)).stdout).toContain("\na.py b.py /spell/published\n");
    expect((await from("a tag", url, "--github-ref", "v1", LIST)).stdout).toContain("\na.py /spell/published\n");
    expect(await from("no such ref", url, "--github-ref", "nowhere", "true")).toMatchObject({ exitCode: 1 });
    expect(await from("no URL", "ext::id", "true")).toMatchObject({ exitCode: 1 });
  });

  scenario("workflows", async ({ client, cli, python, isHistorical }) => {
    const { path: cwd } = repository(client, "flow", {
      ".gitignore": "char-rnn-tensorflow\n",
      "workflow.py": WORKFLOW,
      "own.py": OWN_LIBRARY,
    });
    const clone = repository(client, "flow/char-rnn-tensorflow", {
      "train.py": "print('trained on', open('/data/in').read())\n",
    });
    const published = repository(client, "far", { "far.py": "" });
    const repos = ["--repo", "char-rnn=char-rnn-tensorflow/", "--github-repo", `far=file://${published.path}`];
    const made = await cli("create", ["workflow", "create", ...repos, "python3 workflow.py"], { cwd });
    expect(made).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Casting workflow #1…") });
    expect(made.stdout).toContain("\nin /spell/char-rnn-tensorflow trained on input\nin /spell/far far.py\n");
    // What a worker gets was settled, or is the master's directory: either way not what changes here now.
    clone.commit({ "train.py": "print('later')\n" });
    const local = await cli("local", ["workflow", "create", "--local", "echo $SPELL_WORKFLOW_ID"], { cwd });
    expect(local).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Casting workflow #2…") });
    if (!isHistorical) expect(local.stdout).toContain("\n2\n");
    await cli("to stop", ["workflow", "create", "-b", "-f", "sleep 600"], { cwd });
    expect((await cli("stop", ["workflow", "stop", "3"])).exitCode).toBe(0);
    await cli("to kill", ["workflow", "create", "-b", "-f", "sleep 600"], { cwd });
    expect((await cli("kill", ["workflow", "kill", "4"])).exitCode).toBe(0);
    expect((await cli("rm", ["workflow", "rm", "1"])).exitCode).toBe(0);
    expect((await cli("rm again", ["workflow", "rm", "1"])).exitCode).toBe(1);
    const twice = ["--repo", "a=char-rnn-tensorflow", "--repo", "a=char-rnn-tensorflow"];
    expect((await cli("a label twice", ["workflow", "create", ...twice, "true"], { cwd })).exitCode).toBe(6);
    expect((await cli("repos", ["repos"])).exitCode).toBe(0);
    // A package of the client that a script brings itself is the one that it gets, and works in a workflow.
    const where = "import os, spell; print(os.path.dirname(os.path.dirname(spell.__file__)), end='')";
    const library = (await finished(client.startPython(where))).stdout;
    const own = ["workflow", "create", "-f", "-e", `LIB=${library}`, `${client.python} own.py`];
    expect((await cli("own library", own, { cwd })).stdout).toContain("\nTrue 5\n['by the library']\n");
    const { stdout } = await python(
      "library",
      `import spell.client
client = spell.client.from_environment()
workflow = client.api.get_workflow(2)
print(workflow.id, sorted(workflow.workspace_specs or {}), len(workflow.runs or []))
workspace = client.api.get_workspaces()[0]
print(client.api.get_workspace(workspace.id).name == workspace.name)
client.api.delete_workspace(workspace.id)
print(workspace.id in [each.id for each in client.api.get_workspaces()])
`,
    );
    expect(stdout).toMatch(/\nTrue\nFalse\n$/);
  });
});

const WORKFLOW = `
import spell.client
client = spell.client.from_environment()

def worker(command, **more):
    run = client.runs.new(command=command, **more)
    run.wait_status(*client.runs.FINAL)
    run.refresh()
    assert run.status == client.runs.COMPLETE, run.status
    for line in run.logs():
        if line.status == client.runs.RUNNING and not line.status_event:
            print(line)
    return run

made = worker("printf input > in")
worker("echo in $PWD $(python3 train.py)", commit_label="char-rnn", attached_resources={"runs/%d/in" % made.id: "/data/in"})
worker("echo in $PWD $(ls)", commit_label="far")
`;
const OWN_LIBRARY = `
import os, sys
sys.path.insert(0, os.environ["LIB"])
import spell.client
client = spell.client.from_environment()
print(spell.__file__.startswith(os.environ["LIB"]), client.active_workflow.id)
run = client.runs.new(command="echo by the library")
run.wait_status(client.runs.COMPLETE)
print([line.log for line in run.logs() if line.status == "running" and not line.status_event])
`;
