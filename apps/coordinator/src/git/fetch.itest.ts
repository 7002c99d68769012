import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ask } from "../test-support/api.ts";
import type { Answer } from "../test-support/api.ts";
import { makeRepository } from "../test-support/git.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";

const FILES = { git: { allowedProtocols: ["file"] } };

const run = (world: World, url: string, ref?: string, more: Record<string, unknown> = {}): Promise<Answer> =>
  ask(world, "runs/ann", { body: { command: "ls", github_url: url, github_ref: ref ?? null, ...more } });

const refusal = (code: string, error: RegExp, status = 400) => ({
  status,
  body: { status: "error", error: expect.stringMatching(error) as unknown, code },
});

describe("code from a git URL", () => {
  it("is what a branch, a tag or a commit names, in whole or in part", async () => {
    await using world = await openWorld(undefined, FILES);
    await using repository = await makeRepository();
    const first = await repository.commit({ a: "1" });
    await repository.git("tag", "-a", "v1", "-m", "first");
    const second = await repository.commit({ "sub/b": "2" });
    await repository.git("branch", "feature/x", first);
    const url = `file://${repository.path}`;
    for (const [ref, commit] of [
      [undefined, second],
      ["HEAD", second],
      ["main", second],
      ["feature/x", first],
      ["v1", first],
      ["refs/heads/main", second],
      [first, first],
      [second.slice(0, 8), second],
      [first.slice(0, 12), first],
    ] as const) {
      const answer = await run(world, url, ref);
      expect(answer, ref).toMatchObject({ status: 200, body: { run: { git_commit_hash: commit, github_url: url } } });
    }
    const { body } = await run(world, url, "main", { cwd: "sub", root_directory: "elsewhere" });
    const made = await world.services.store.findRun((body["run"] as { id: number }).id);
    expect(made?.spec).toMatchObject({ codeRoot: "code", cwd: "sub" });
    const third = await repository.commit({ c: "3" });
    expect((await run(world, url)).body).toMatchObject({ run: { git_commit_hash: third } });
  });

  it("that is not there is refused with the URL and what git says", async () => {
    await using world = await openWorld(undefined, FILES);
    await using repository = await makeRepository();
    await repository.commit({ a: "1" });
    const url = `file://${repository.path}`;
    expect(await run(world, url, "nowhere")).toEqual(
      refusal("git-fetch-failed", /^Cannot fetch "nowhere" of file:\/\/.*couldn't find remote ref nowhere\.$/),
    );
    expect(await run(world, url, "deadbeef")).toEqual(refusal("git-fetch-failed", /"deadbeef"/));
    expect(await run(world, `${url}-not`)).toEqual(refusal("git-fetch-failed", /does not (appear to be|exist)/));
    expect(await run(world, "http://me:secret@127.0.0.1:1/u/code.git")).toEqual(
      refusal("git-fetch-failed", /^Cannot fetch "HEAD" of http:\/\/me@127\.0\.0\.1:1\/u\/code\.git: (?!.*secret)/),
    );
    const tree = await repository.git("rev-parse", "HEAD^{tree}");
    await repository.git("update-ref", "refs/tags/tree", tree);
    expect(await run(world, url, "tree")).toEqual(refusal("git-fetch-failed", /no branch, tag or commit/));
  });

  it("is not read from this machine unless the operator allows it, nor by any program", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    await repository.commit({ a: "1" });
    for (const url of [`file://${repository.path}`, repository.path, "ext::sh -c id", "-u", "--upload-pack=id:x"]) {
      expect(await run(world, url), url).toEqual(refusal("bad-git-url", /cannot be fetched/));
    }
    expect(await readdir(join(world.folder, "git/fetched"))).toEqual([]);
  });

  it("of a server that redirects to a file is refused by git", async () => {
    await using world = await openWorld();
    const server = createServer((_request, response) => {
      response.writeHead(302, { location: "file:///etc/passwd" }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const answer = await run(world, `http://127.0.0.1:${port}/u/code.git`);
      expect(answer).toEqual(refusal("git-fetch-failed", /^Cannot fetch "HEAD" of http:/));
    } finally {
      server.close();
    }
  });

  it("of a server that never answers ends in time", async () => {
    await using world = await openWorld(undefined, { git: { seconds: 1 } });
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const answer = await run(world, `http://127.0.0.1:${port}/u/code.git`);
      expect(answer).toEqual(refusal("git-timeout", /it took longer than 1 s\.$/));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("that is too large is refused, and nothing of it is kept", async () => {
    await using world = await openWorld(undefined, { git: { ...FILES.git, maxBytes: 2 ** 20 } });
    await using repository = await makeRepository();
    await repository.commit({ large: randomBytes(3 * 2 ** 20) });
    const answer = await run(world, `file://${repository.path}`);
    expect(answer).toEqual(refusal("code-too-large", /larger than the 1 MiB that code may have\.$/));
    expect(await readdir(join(world.folder, "git/fetched"))).toEqual([]);
  });

  it("starts nothing that the repository has, and has no .git", async () => {
    await using world = await openWorld(undefined, FILES);
    await using repository = await makeRepository();
    const mark = join(repository.path, "mark");
    await repository.commit({ ".gitattributes": "* filter=evil\n", a: "1" });
    await repository.git("config", "filter.evil.smudge", `touch ${mark}`);
    await repository.git("config", "uploadpack.packObjectsHook", `touch ${mark}`);
    await repository.write({ ".git/hooks/post-checkout": `#!/bin/sh\ntouch ${mark}\n` });
    expect((await run(world, `file://${repository.path}`)).status).toBe(200);
    expect(await readdir(repository.path)).not.toContain("mark");
  });
});
