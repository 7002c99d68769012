import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { tempFolder, waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { ask } from "../test-support/api.ts";
import { makeRepository, openWorkspace, push, runGit } from "../test-support/git.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";

/** What the coordinator's repository says. */
async function inside(world: World, id: number, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runGit(join(world.folder, "git/workspaces", `${id}.git`), args);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout.trim();
}

const ok = (stderr: RegExp): unknown => expect.objectContaining({ exitCode: 0, stderr: expect.stringMatching(stderr) });
const refused = (stderr: RegExp) => {
  return { exitCode: expect.not.stringMatching(/^0$/), stdout: "", stderr: expect.stringMatching(stderr) };
};

describe("a push", () => {
  it("arrives, and again, and what is new alone", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    const commit = await repository.commit({ "train.py": "print(1)\n", "sub/x": "x" });
    const { id, url } = await openWorkspace(world, repository);
    expect(url).toMatch(new RegExp(`^http://ann:spell_push_\\S+@127\\.0\\.0\\.1:\\d+/git/${id}\\.git$`));
    expect(await push(repository, url, commit)).toEqual(ok(/HEAD -> br_/));
    expect(await inside(world, id, "cat-file", "-t", commit)).toBe("commit");
    expect(await push(repository, url, commit)).toEqual(ok(/HEAD -> br_/));
    const next = await repository.commit({ "train.py": "print(2)\n" });
    expect(await push(repository, url, next)).toEqual(ok(/HEAD -> br_/));
    expect(await inside(world, id, "for-each-ref", "--format=%(refname)")).toBe(
      ["refs/heads/latest", ...[commit, next].sort().map((each) => `refs/kept/${each}`)].join("\n"),
    );
    // Three files and two folders, and a file, a folder and a commit more: nothing twice.
    expect(await inside(world, id, "rev-list", "--all", "--objects", "--count")).toBe("8");
  });

  it("is never refused for what was pushed to its branch before", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    const old = await repository.commit({ a: "1" });
    const newer = await repository.commit({ a: "2" });
    const { id, url } = await openWorkspace(world, repository);
    // The branch is named after the commit that is wanted, what is pushed is HEAD.
    expect(await push(repository, url, old)).toEqual(ok(/HEAD -> br_/));
    await repository.git("checkout", "--quiet", "--detach", old);
    const other = await repository.commit({ b: "1" });
    expect(await push(repository, url, old)).toEqual(ok(/HEAD -> br_/));
    await repository.git("checkout", "--quiet", "main");
    expect(await push(repository, url, old)).toEqual(ok(/HEAD -> br_/));
    for (const commit of [old, newer, other]) expect(await inside(world, id, "cat-file", "-t", commit)).toBe("commit");
  });

  it("keeps its objects and what is shown when the repository is put in order", async () => {
    await using world = await openWorld(undefined, { git: { tidyAfter: 2 } });
    await using repository = await makeRepository();
    const commits = [await repository.commit({ a: "1" })];
    const { id, url } = await openWorkspace(world, repository);
    await push(repository, url, commits[0] ?? "");
    commits.push(await repository.commit({ a: "2" }));
    expect(await push(repository, url, commits[1] ?? "")).toEqual(ok(/HEAD -> br_/));
    expect(await inside(world, id, "count-objects", "-v")).toMatch(/^count: 0\n[^]*packs: 1\n/);
    commits.push(await repository.commit({ a: "3" }));
    expect(await push(repository, url, commits[2] ?? "")).toEqual(ok(/HEAD -> br_/));
    for (const commit of commits) expect(await inside(world, id, "cat-file", "-t", commit)).toBe("commit");
    expect(await inside(world, id, "fsck", "--strict")).toBe("");
  });

  it("may come many times at once", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    const commit = await repository.commit({ a: "1" });
    const { url } = await openWorkspace(world, repository);
    const pushes = await Promise.all(Array.from({ length: 5 }, () => push(repository, url, commit)));
    for (const each of pushes) expect(each).toEqual(ok(/HEAD -> br_|up-to-date/));
  });

  it("of more than a MiB comes in chunks after a probe", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    const commit = await repository.commit({ large: randomBytes(3 * 2 ** 20) });
    const { id, url } = await openWorkspace(world, repository);
    expect(await push(repository, url, commit)).toEqual(ok(/HEAD -> br_/));
    expect(await inside(world, id, "cat-file", "-s", `${commit}:large`)).toBe(String(3 * 2 ** 20));
    expect(await readdir(join(world.folder, "git/incoming"))).toEqual([]);
  });

  it("may come packed, from a shallow clone, and in another's tunnel", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    await repository.commit({ a: "1" });
    const commit = await repository.commit({ a: "2" });
    await using clones = await tempFolder();
    await runGit(clones.path, ["clone", "--quiet", "--depth=1", `file://${repository.path}`, "code"]);
    const clone = { ...repository, git: async () => commit, path: join(clones.path, "code") };
    const { id, url } = await openWorkspace(world, clone);
    const pushed = await runGit(clone.path, ["push", "--quiet", url, `HEAD:refs/heads/br_${commit}`]);
    expect(pushed).toMatchObject({ exitCode: 0 });
    expect(await inside(world, id, "cat-file", "-t", commit)).toBe("commit");
  });

  it("larger than code may be is refused with a sentence", async () => {
    await using world = await openWorld(undefined, { git: { maxBytes: 2 ** 20 } });
    await using repository = await makeRepository();
    const small = await repository.commit({ large: randomBytes(1.5 * 2 ** 20) });
    const { id, url } = await openWorkspace(world, repository);
    expect(await push(repository, url, small)).toEqual(refused(/pack exceeds maximum allowed size/));
    const commit = await repository.commit({ large: randomBytes(5 * 2 ** 20) });
    expect(await push(repository, url, commit)).toEqual(
      refused(/larger than the 1 MiB that code may have\. Keep data out of the repository/),
    );
    await expect(inside(world, id, "cat-file", "-t", commit)).rejects.toThrow(
      /not a valid object|could not get object/i,
    );
  });

  it("that is killed in the middle leaves nothing, and the next one works", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    const commit = await repository.commit({ large: randomBytes(30 * 2 ** 20) });
    const { id, url } = await openWorkspace(world, repository);
    const { username, password } = new URL(url);
    const half = request(`${world.api}/git/${id}.git/git-receive-pack`, {
      method: "POST",
      auth: `${username}:${password}`,
      headers: { "content-type": "application/x-git-receive-pack-request", expect: "100-continue" },
    });
    half.on("error", () => undefined);
    half.flushHeaders();
    await once(half, "continue");
    await new Promise((resolve) => half.write(randomBytes(2 ** 20), resolve));
    half.destroy();
    expect(await push(repository, url, commit)).toEqual(ok(/HEAD -> br_/));
    await waitFor("no body to be left", async () => (await readdir(join(world.folder, "git/incoming"))).length === 0);
    expect(await inside(world, id, "count-objects", "-v")).toMatch(/garbage: 0/);
  });
});

describe("who may push", () => {
  it("whoever has a token that is not too old, and only to its own workspace", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    const commit = await repository.commit({ a: "1" });
    const { id, url } = await openWorkspace(world, repository);
    const bobs = await openWorkspace(world, repository, world.bob);
    expect(bobs.id).not.toBe(id);
    const bare = new URL(url);
    const secret = bare.password;
    const at = (change: (changed: URL) => void): string => {
      const changed = new URL(url);
      change(changed);
      return changed.href;
    };
    const denied = refused(/Authentication failed|could not read (Username|Password)|401/);
    for (const bad of [
      at((each) => void ([each.username, each.password] = ["", ""])),
      at((each) => void (each.password = `${secret}x`)),
      at((each) => void (each.password = world.ann)),
      at((each) => void (each.username = "bob")),
      at((each) => void (each.password = secret.replace(`_${id}_`, `_${bobs.id}_`))),
    ]) {
      expect(await push(repository, bad, commit), bad).toEqual(denied);
    }
    const toBob = at((each) => void (each.pathname = `/git/${bobs.id}.git`));
    expect(await push(repository, toBob, commit)).toEqual(refused(/There is no such repository|not found/));
    const absent = at((each) => void (each.pathname = "/git/99.git"));
    expect(await push(repository, absent, commit)).toEqual(refused(/There is no such repository|not found/));
    world.clock.aheadMs = 15 * 60_000;
    expect(await push(repository, url, commit)).toEqual(denied);
    world.clock.aheadMs = 0;
    expect(await push(repository, url, commit)).toEqual(ok(/HEAD -> br_/));
    expect((await ask(world, `workspaces/ann/${id}`, { method: "DELETE" })).status).toBe(200);
    expect(await push(repository, url, commit)).toEqual(denied);
  });

  it("nobody may fetch, delete, or change what is kept", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    const commit = await repository.commit({ a: "1" });
    const { id, url } = await openWorkspace(world, repository);
    await push(repository, url, commit);
    expect(await repository.try("fetch", url)).toEqual(refused(/cannot be fetched or cloned/));
    expect(await repository.try("ls-remote", url)).toEqual(refused(/cannot be fetched or cloned/));
    expect(await repository.try("push", url, ":refs/heads/latest")).toEqual(refused(/deletion prohibited|deleting/));
    expect(await repository.try("push", url, `HEAD:refs/kept/${commit}`)).toEqual(refused(/hidden ref/));
    expect(await repository.try("push", url, "HEAD:refs/tags/x")).toEqual(refused(/hidden ref/));
    const { username, password } = new URL(url);
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    const get = async (path: string, method = "GET"): Promise<number> => {
      const response = await fetch(`${world.api}/git/${path}`, { method, headers: { authorization } });
      await response.text();
      return response.status;
    };
    for (const path of [
      ...[
        "HEAD",
        "config",
        "objects/info/packs",
        "info/refs",
        "info/refs?service=git-upload-archive",
        "../../record.db",
      ],
      ...["..%2f..%2frecord.db", "git-receive-pack"],
    ]) {
      expect(await get(`${id}.git/${path}`), path).toBe(404);
    }
    expect(await get(`${id}.git/git-upload-pack`, "POST")).toBe(403);
    expect(await get(`${id}.git/info/refs?service=git-upload-pack`)).toBe(403);
    expect(await get(`${id}.git/info/refs?service=git-receive-pack`)).toBe(200);
    for (const place of [
      "",
      "x",
      `${id}.git`,
      `${id}.git/`,
      `${id}.git//info/refs`,
      "%",
      `${id}.git/%zz?%`,
      "1e9.git/x",
    ]) {
      expect(await get(place, "POST"), place).toBe(404);
    }
  });
});

describe("a hostile repository", () => {
  /** Commits a tree that git itself would not write. */
  async function forge(path: string, tree: string): Promise<string> {
    const hash = async (type: string, input: string): Promise<string> => {
      const args = ["hash-object", "-w", "-t", type, "--stdin", "--literally"];
      return (await runGit(path, args, { input })).stdout.trim();
    };
    const mktree = await runGit(path, ["mktree", "--missing"], { input: tree });
    const treeId = mktree.exitCode === 0 ? mktree.stdout.trim() : await hash("tree", tree);
    const when = "n <n@example.org> 1700000000 +0000";
    return hash("commit", `tree ${treeId}\nauthor ${when}\ncommitter ${when}\n\nx\n`);
  }

  it.each(["..", ".", ".git", ".GIT", "git~1", ".git\u200c"])("with a file named %j is refused", async (name) => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    await repository.commit({ a: "1" });
    const { id, url } = await openWorkspace(world, repository);
    const blob = await repository.git("rev-parse", "HEAD:a");
    const bad = await forge(repository.path, `100644 blob ${blob}\t${name}\n`);
    const pushed = await repository.try("push", url, `${bad}:refs/heads/br_${bad}`);
    expect(pushed).toEqual(refused(/fsck error|unpack failed|rejected/));
    await expect(inside(world, id, "cat-file", "-t", bad)).rejects.toThrow(/not a valid object|could not get object/i);
  });

  it("starts nothing by its hooks, filters or settings", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    const mark = join(repository.path, "mark");
    const commit = await repository.commit({ ".gitattributes": "* filter=evil\n", a: "1" });
    const { id, url } = await openWorkspace(world, repository);
    const gitDir = join(world.folder, "git/workspaces", `${id}.git`);
    // As if somebody had got that far: still nothing runs.
    await runGit(gitDir, ["config", "core.hooksPath", join(gitDir, "hooks")]);
    await runGit(gitDir, ["config", "receive.procReceiveRefs", "refs/heads"]);
    await runGit(gitDir, ["config", "core.fsmonitor", `touch ${mark}`]);
    await runGit(gitDir, ["config", "core.alternateRefsCommand", `touch ${mark}`]);
    await runGit(repository.path, ["init", "--quiet", "--bare", gitDir]);
    for (const hook of [
      "pre-receive",
      "update",
      "post-receive",
      "post-update",
      "reference-transaction",
      "proc-receive",
    ]) {
      await writeFile(join(gitDir, "hooks", hook), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    }
    await push(repository, url, commit);
    expect(await readdir(repository.path)).not.toContain("mark");
  });

  it("that is no pack, or no gzip, changes nothing", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    await repository.commit({ a: "1" });
    await symlink("/etc", join(repository.path, "out"));
    const { id, url } = await openWorkspace(world, repository);
    const { username, password } = new URL(url);
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    const send = async (body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${world.api}/git/${id}.git/git-receive-pack`, {
        method: "POST",
        headers: { authorization, "content-type": "application/x-git-receive-pack-request", ...headers },
        body: new Uint8Array(Buffer.from(body)),
      });
    for (const body of ["", "0000", "zzzz", "ffff", "0004", randomBytes(100), `${"0".repeat(40)} PACK`]) {
      const answer = await send(body);
      await answer.text();
      expect(answer.status).toBeLessThan(500);
    }
    expect(await (await send("no gzip", { "content-encoding": "gzip" })).text()).toContain("no gzip");
    expect(await (await send("x", { "content-encoding": "br" })).text()).toContain("not understood");
    expect(await inside(world, id, "for-each-ref")).toBe("");
  });
});
