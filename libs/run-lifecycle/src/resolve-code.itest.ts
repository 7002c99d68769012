import type { Digest } from "@spell/domain";
import { invalidInput } from "@spell/domain";
import { decodeNode } from "@spell/spellfs";
import { describe, expect, it } from "vitest";
import type { Principal } from "./principal.ts";
import type { World } from "./test-support/world.ts";
import { ANN, BOB, openWorld, runRequest } from "./test-support/world.ts";

const ROOT = "a".repeat(40);
const UNKNOWN = "b".repeat(40);

const refusal = (reason: string, message: RegExp = /./, code = "invalid-input"): unknown =>
  expect.objectContaining({ name: "SpellError", code, reason, message: expect.stringMatching(message) });

/** A workspace of Ann's, and a commit in it. */
async function pushed(world: World, files: Record<string, string>): Promise<{ workspaceId: number; commit: string }> {
  const { id } = await world.workspaces.ensurePushable(ANN, { rootCommit: ROOT, name: "code", description: "" });
  return { workspaceId: id, commit: world.repositories.commit(world.repositories.gitDir(id), files) };
}

/** Paths of a tree; links with their target, executable files with a star. */
async function paths(world: World, tree: Digest | "", prefix = ""): Promise<string[]> {
  if (tree === "") return [];
  const found: string[] = [];
  for (const entry of decodeNode(await world.trees.readNode(tree))) {
    const path = `${prefix}${entry.name}`;
    if (entry.kind === "directory") found.push(...(await paths(world, entry.digest, `${path}/`)));
    else if (entry.kind === "symlink") found.push(`${path} -> ${entry.target}`);
    else found.push(entry.executable ? `${path}*` : path);
  }
  return found;
}

describe("code that was pushed", () => {
  it("is the tree of the commit, below the name of its folder", async () => {
    await using world = await openWorld();
    const files = { "train.py": "1", "sub/run.sh": "#!/bin/sh\n", "sub/link": "->../train.py", empty: "" };
    const { workspaceId, commit: gitCommit } = await pushed(world, files);
    const request = runRequest({ workspaceId, gitCommit, cwd: "sub" });
    const { run } = await world.create.run(ANN, request, "");
    expect(run.spec).toMatchObject({ codeRoot: "code", cwd: "sub", gitCommit, workspaceId, githubUrl: "" });
    expect(await paths(world, run.spec.codeTree)).toEqual([
      "code/empty",
      "code/sub/link -> ../train.py",
      "code/sub/run.sh*",
      "code/train.py",
    ]);
    const named = await world.create.run(
      ANN,
      { ...request, codeRoot: "other", gitCommit: gitCommit.toUpperCase() },
      "",
    );
    expect((await paths(world, named.run.spec.codeTree))[0]).toBe("other/empty");
    expect(named.run.spec.codeRoot).toBe("other");
  });

  it("is run with its uncommitted changes, and shown with the commit they were made on", async () => {
    await using world = await openWorld();
    const { workspaceId, commit: gitCommit } = await pushed(world, { a: "1" });
    const { commit: uncommittedCommit } = await pushed(world, { a: "1", b: "2" });
    const { run } = await world.create.run(ANN, runRequest({ workspaceId, gitCommit, uncommittedCommit }), "");
    expect(run.spec.gitCommit).toBe(gitCommit);
    expect(await paths(world, run.spec.codeTree)).toEqual(["code/a", "code/b"]);
  });

  it("is read once", async () => {
    await using world = await openWorld();
    const { workspaceId, commit: gitCommit } = await pushed(world, { a: "1" });
    const request = runRequest({ workspaceId, gitCommit });
    const many = await Promise.all([1, 2, 3].map(() => world.create.run(ANN, request, "")));
    // Without its objects nobody can read it again.
    await world.repositories.remove(workspaceId);
    const again = await world.create.run(ANN, request, "");
    expect(new Set([...many, again].map(({ run }) => run.spec.codeTree)).size).toBe(1);
    expect(new Set([...many, again].map(({ run }) => run.id)).size).toBe(4);
  });

  it("is read again when a part that was stored has been collected before the tree was", async () => {
    let refused = 0;
    await using world = await openWorld((store) => {
      const addBlobs = store.addBlobs.bind(store);
      store.addBlobs = async (...given) => {
        refused += 1;
        if (refused === 1) throw invalidInput("The tree names what is not stored any more.", "missing-blob");
        return addBlobs(...given);
      };
      return store;
    });
    const { workspaceId, commit: gitCommit } = await pushed(world, { a: "1" });
    const { run } = await world.create.run(ANN, runRequest({ workspaceId, gitCommit }), "");
    expect(await paths(world, run.spec.codeTree)).toEqual(["code/a"]);
    // The tree, once more, and the folder around it.
    expect(refused).toBe(3);
  });

  it("lacks what no tree can hold, and its run's log says so", async () => {
    await using world = await openWorld();
    const { workspaceId } = await pushed(world, {});
    const gitDir = world.repositories.gitDir(workspaceId);
    world.repositories.commit(gitDir, {
      "a/up": "->../../out",
      "a/in": "->../b",
      abs: "->/etc/passwd",
      "new\nline": "x",
    });
    const there = `--git-dir=${gitDir}`;
    world.repositories.git([there, "update-index", "--add", "--cacheinfo", `160000,${ROOT},module`]);
    const tree = world.repositories.git([there, "write-tree"]).trim();
    const gitCommit = world.repositories.git([there, "commit-tree", "-m", "submodule", tree]).trim();
    const { run } = await world.create.run(ANN, runRequest({ workspaceId, gitCommit }), "");
    expect(await paths(world, run.spec.codeTree)).toEqual(["code/a/in -> ../b"]);
    const log = await world.store.describeLog(run.id);
    expect(
      log?.before
        .map(({ text, level }) => `${level}: ${text}`)
        .slice(1)
        .sort(),
    ).toEqual([
      'warning: Not part of the code: a/up (a link to "../../out": it leaves the tree).',
      'warning: Not part of the code: abs (a link to "/etc/passwd": a link may not be absolute).',
      "warning: Not part of the code: module (a submodule).",
      expect.stringMatching(/^warning: Not part of the code: new\nline \(a name may not contain control characters/),
    ]);
  });

  it("that is too large is refused with a sentence", async () => {
    await using world = await openWorld();
    const { workspaceId, commit: gitCommit } = await pushed(world, { a: "x".repeat(600_000), b: "x".repeat(600_000) });
    const request = runRequest({ workspaceId, gitCommit });
    await expect(world.create.run(ANN, request, "")).rejects.toEqual(
      refusal("code-too-large", /more than 1 MiB of files/),
    );
  });

  it("that holds itself again and again is refused before it is read", async () => {
    await using world = await openWorld();
    const { workspaceId } = await pushed(world, {});
    const there = `--git-dir=${world.repositories.gitDir(workspaceId)}`;
    const hash = (type: string, bytes: Buffer): string => {
      return world.repositories.hash(there, type, bytes);
    };
    const entry = (mode: string, name: string, id: string): Buffer =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]);
    let id = hash("blob", Buffer.from("x".repeat(100)));
    for (let level = 0; level < 10; level += 1) {
      const mode = level === 0 ? "100644" : "40000";
      id = hash("tree", Buffer.concat([..."0123456789"].map((name) => entry(mode, name, id))));
    }
    const when = "n <n@e> 1700000000 +0000";
    const gitCommit = hash("commit", Buffer.from(`tree ${id}\nauthor ${when}\ncommitter ${when}\n\nx\n`));
    const request = runRequest({ workspaceId, gitCommit });
    await expect(world.create.run(ANN, request, "")).rejects.toEqual(refusal("code-too-large"));
  });

  it("must have been pushed, to a workspace of one's own", async () => {
    await using world = await openWorld();
    const { workspaceId, commit: gitCommit } = await pushed(world, { a: "1" });
    const tree = world.repositories.git([
      `--git-dir=${world.repositories.gitDir(workspaceId)}`,
      "rev-parse",
      "HEAD^{tree}",
    ]);
    const run = (over: Parameters<typeof runRequest>[0], principal: Principal = ANN): Promise<unknown> =>
      world.create.run(principal, runRequest({ workspaceId, gitCommit, ...over }), "");
    await expect(run({}, BOB)).rejects.toEqual(refusal("no-such-workspace", /workspace 1\.$/, "not-found"));
    await expect(run({ workspaceId: 99 })).rejects.toEqual(refusal("no-such-workspace", /99/, "not-found"));
    await expect(run({ gitCommit: UNKNOWN })).rejects.toEqual(
      refusal("no-such-commit", /not pushed to workspace 1 \("code"\)/),
    );
    await expect(run({ gitCommit: tree.trim() })).rejects.toEqual(refusal("no-such-commit"));
    await expect(run({ uncommittedCommit: UNKNOWN })).rejects.toEqual(refusal("no-such-commit"));
    for (const bad of ["", "HEAD", "--all", gitCommit.slice(0, 8), `${gitCommit}^{tree}`, `${gitCommit}\n`]) {
      await expect(run({ gitCommit: bad }), bad).rejects.toEqual(refusal("bad-commit"));
    }
    await expect(run({ workspaceId: undefined })).rejects.toEqual(refusal("no-workspace"));
    for (const codeRoot of ["..", ".", "a/b", ".git", "a\n", "x".repeat(256)]) {
      await expect(run({ codeRoot }), codeRoot).rejects.toEqual(refusal("bad-code-root"));
    }
    await expect(run({ cwd: "nowhere" })).rejects.toEqual(refusal("bad-cwd"));
    await expect(run({ commitLabel: "x" })).rejects.toEqual(refusal("code-given-twice"));
    await expect(run({ githubUrl: "https://h/x" })).rejects.toEqual(refusal("code-given-twice"));
    // A run of Ann's may use what Ann pushed.
    const own: Principal = { kind: "run", userName: "ann", runId: 1 };
    await expect(run({}, own)).resolves.toBeDefined();
  });
});

describe("code from a URL", () => {
  const URL = "https://me:secret@host/user/char-rnn.git";

  async function remote(world: World, files: Record<string, string>, ref = "HEAD"): Promise<string> {
    const { gitDir } = { gitDir: world.repositories.gitDir(1_000) };
    await world.repositories.make(1_000);
    const commit = world.repositories.commit(gitDir, files);
    world.repositories.remotes.set(`${URL} ${ref}`, { gitDir, commit });
    return commit;
  }

  it("is what its ref names now, below the base name of the URL; the password is kept from view", async () => {
    await using world = await openWorld();
    const commit = await remote(world, { "a.py": "1" });
    const { run } = await world.create.run(ANN, runRequest({ githubUrl: URL, githubRef: "HEAD" }), "");
    expect(run.spec).toMatchObject({ codeRoot: "char-rnn", gitCommit: commit, githubRef: "HEAD" });
    expect(run.spec.githubUrl).toBe("https://me@host/user/char-rnn.git");
    expect(await paths(world, run.spec.codeTree)).toEqual(["char-rnn/a.py"]);
    const next = await remote(world, { "b.py": "1" });
    const later = await world.create.run(ANN, runRequest({ githubUrl: URL, githubRef: "HEAD" }), "");
    expect(later.run.spec.gitCommit).toBe(next);
  });

  it("is refused before anything is fetched when the URL is none, and afterwards with what git said", async () => {
    await using world = await openWorld();
    const run = (githubUrl: string, githubRef = ""): Promise<unknown> =>
      world.create.run(ANN, runRequest({ githubUrl, githubRef }), "");
    for (const url of ["file:///etc", "ext::sh", "--upload-pack=x", "/etc"]) {
      await expect(run(url), url).rejects.toEqual(refusal("bad-git-url"));
    }
    expect(world.repositories.fetched).toEqual([]);
    await expect(run(URL, "nowhere")).rejects.toEqual(refusal("git-fetch-failed", /"nowhere"/));
    await expect(run("", "main")).rejects.toEqual(refusal("no-git-url"));
  });
});

describe("labels of a workflow", () => {
  it("stand for the commit that was pushed or fetched when it was created", async () => {
    await using world = await openWorld();
    const { workspaceId, commit } = await pushed(world, { "train.py": "1" });
    const gitDir = world.repositories.gitDir(workspaceId);
    world.repositories.remotes.set("https://h/u/lib.git main", { gitDir, commit });
    const labels = [
      { label: "rnn", workspaceId, commit },
      { label: "lib", githubUrl: "https://h/u/lib.git", githubRef: "main" },
    ];
    const { workflow } = await world.create.workflow(ANN, { run: runRequest(), labels }, "");
    expect(workflow.labels).toMatchObject([
      { label: "rnn", path: "", code: { root: "code", workspaceId, commit } },
      { label: "lib", path: "", code: { root: "lib", commit, githubUrl: "https://h/u/lib.git", githubRef: "main" } },
    ]);
    await world.repositories.remove(workspaceId);
    const child = (commitLabel: string) =>
      world.create.run(ANN, runRequest({ commitLabel, workflowId: workflow.id, cwd: "." }), "");
    const rnn = (await child("rnn")).run;
    expect(rnn.spec).toMatchObject({ commitLabel: "rnn", codeRoot: "code", gitCommit: commit, workspaceId });
    expect(await paths(world, rnn.spec.codeTree)).toEqual(["code/train.py"]);
    expect(await paths(world, (await child("lib")).run.spec.codeTree)).toEqual(["lib/train.py"]);
    await expect(child("none")).rejects.toEqual(refusal("unknown-commit-label", /its labels: rnn, lib/));
  });

  it("may stand for code that was sent, also of a workflow without a master run", async () => {
    await using world = await openWorld();
    const codeTree = await world.commit({ repo: { "a.py": "1" } });
    const labels = [{ label: "repo", codeTree, codeRoot: "repo", commit: "" }];
    const { workflow, existed } = await world.create.localWorkflow(ANN, labels, "key");
    expect(existed).toBe(false);
    expect(workflow.managingRunId).toBeUndefined();
    expect(await world.create.localWorkflow(ANN, labels, "key")).toEqual({ workflow, existed: true });
    const { run } = await world.create.run(ANN, runRequest({ commitLabel: "repo", workflowId: workflow.id }), "");
    expect(run).toMatchObject({ workflowId: workflow.id, spec: { codeTree, codeRoot: "repo" } });
    expect(await world.lifecycle.getWorkflow(ANN, workflow.id)).toMatchObject({ runs: [{ id: run.id }] });
    await expect(world.create.run(ANN, runRequest(), "key")).rejects.toMatchObject({ code: "conflict" });
    const own: Principal = { kind: "run", userName: "ann", runId: run.id };
    await expect(world.create.localWorkflow(own, [], "")).rejects.toMatchObject({ code: "forbidden" });
  });

  it("that cannot be used are refused before there is a workflow", async () => {
    await using world = await openWorld();
    const { workspaceId, commit } = await pushed(world, { a: "1" });
    const codeTree = await world.commit({ repo: { a: "1" } });
    const unknown = await world.commit({ other: {} }).then(() => "c".repeat(64) as Digest);
    const create = (labels: Parameters<World["create"]["localWorkflow"]>[1]): Promise<unknown> =>
      world.create.localWorkflow(ANN, labels, "");
    const ok = { label: "a", workspaceId, commit };
    await expect(create([ok, ok])).rejects.toEqual(refusal("duplicate-label"));
    await expect(create([{ ...ok, label: "" }])).rejects.toEqual(refusal("bad-label"));
    await expect(create([{ ...ok, commit: UNKNOWN }])).rejects.toEqual(refusal("no-such-commit"));
    await expect(create([{ label: "a", path: "a" }])).rejects.toEqual(refusal("bad-label"));
    await expect(create([{ label: "a", codeTree, codeRoot: "x", commit: "" }])).rejects.toEqual(refusal("bad-label"));
    const absent = { label: "a", codeTree: unknown, codeRoot: "repo", commit: "" };
    await expect(create([absent])).rejects.toEqual(refusal("no-such-tree"));
    const many = Array.from({ length: 257 }, (_, index) => ({ ...ok, label: String(index) }));
    await expect(create(many)).rejects.toEqual(refusal("bad-label"));
    expect(await world.store.findWorkflow(1)).toBeUndefined();
  });
});
