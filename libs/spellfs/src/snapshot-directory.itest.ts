import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { SpellError } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { tempFolder } from "@spell/testing";
import { checkTree } from "./check.ts";
import { decodeNode } from "./node.ts";
import { openFolder } from "./folder-reader.ts";
import { hashFile, hashSmallFile } from "./hash-file.ts";
import { graft } from "./snapshot.ts";
import type { Snapshot } from "./snapshot.ts";
import { snapshotDirectory } from "./snapshot-directory.ts";
import { snapshotEntries } from "./snapshot-entries.ts";

/** Every path of a snapshot, folders with a slash, executables with a star, links with their target. */
function listing(snapshot: Snapshot): string[] {
  const walk = (digest: Snapshot["root"], prefix: string): string[] =>
    decodeNode(snapshot.nodes.get(digest) ?? new Uint8Array()).flatMap((entry) => {
      if (entry.kind === "directory")
        return [`${prefix}${entry.name}/`, ...walk(entry.digest, `${prefix}${entry.name}/`)];
      if (entry.kind === "symlink") return [`${prefix}${entry.name} -> ${entry.target}`];
      return [`${prefix}${entry.name}${entry.executable ? "*" : ""}`];
    });
  return walk(snapshot.root, "");
}

function write(root: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

function git(directory: string, ...args: string[]): void {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"];
  execFileSync("git", [...identity, ...args], { cwd: directory, stdio: "pipe" });
}

const plain = (directory: string) => snapshotDirectory({ directory, gitAware: false });
const aware = (directory: string) => snapshotDirectory({ directory, gitAware: true });

describe("a folder without git", () => {
  test("is taken whole: empty folders and files, the executable bit, links inside", async () => {
    await using folder = await tempFolder();
    write(folder.path, {
      "a.txt": "a",
      empty: "",
      "src/run.sh": "#!",
      "src/.hidden": "h",
      ".git/config": "no",
      "src/.git": "no",
    });
    chmodSync(join(folder.path, "src/run.sh"), 0o755);
    mkdirSync(join(folder.path, "nothing"));
    symlinkSync("../a.txt", join(folder.path, "src/link"));
    const snapshot = await plain(folder.path);
    expect(listing(snapshot)).toEqual([
      "a.txt",
      "empty",
      "nothing/",
      "src/",
      "src/.hidden",
      "src/link -> ../a.txt",
      "src/run.sh*",
    ]);
    expect(snapshot).toMatchObject({ fileCount: 4, totalBytes: 4, skipped: [] });
    const checked = await checkTree(snapshot.root, (digest) => snapshot.nodes.get(digest));
    expect([...checked.files.keys()].sort()).toEqual([...snapshot.files.keys()].sort());
  });

  test("is taken whole also when git is asked for", async () => {
    await using folder = await tempFolder();
    write(folder.path, { ".gitignore": "a\n", a: "" });
    mkdirSync(join(folder.path, "nothing"));
    expect(listing(await aware(folder.path))).toEqual([".gitignore", "a", "nothing/"]);
  });

  test("has the same digest wherever it lies and whenever it is taken", async () => {
    await using one = await tempFolder();
    await using two = await tempFolder();
    for (const { path } of [one, two]) write(path, { "ü/1": "x", b: "y" });
    expect((await plain(one.path)).root).toBe((await plain(two.path)).root);
    write(two.path, { b: "z" });
    expect((await plain(one.path)).root).not.toBe((await plain(two.path)).root);
  });

  test(".spellignore leaves out by gitignore's rules, the nearer file deciding", async () => {
    await using folder = await tempFolder();
    write(folder.path, {
      ".spellignore": "*.log\n/data/\nBuild\n",
      "x.log": "",
      "data/big": "",
      "src/data/ok": "",
      build: "",
    });
    write(folder.path, {
      "src/.spellignore": "!keep.log\nsecret\n",
      "src/keep.log": "",
      "src/other.log": "",
      "src/secret/key": "",
    });
    expect(listing(await plain(folder.path))).toEqual([
      ".spellignore", "build", "src/", "src/.spellignore", "src/data/", "src/data/ok", "src/keep.log",
    ]); // prettier-ignore
  });

  test("exclude and prefix", async () => {
    await using folder = await tempFolder();
    write(folder.path, { "a/b/c": "", "a/d": "", e: "" });
    const snapshot = await snapshotDirectory({
      directory: folder.path,
      gitAware: false,
      exclude: ["a/b", "e"],
      prefix: "x/y",
    });
    expect(listing(snapshot)).toEqual(["x/", "x/y/", "x/y/a/", "x/y/a/d"]);
  });

  test("files of all sizes are hashed as sha256sum does", async () => {
    await using folder = await tempFolder();
    for (const size of [0, 1, 256 * 1024, 256 * 1024 + 1, 3 * 1024 * 1024 + 5]) {
      writeFileSync(join(folder.path, `f${size}`), Buffer.alloc(size, "abc"));
    }
    const { files } = await plain(folder.path);
    const sums = execFileSync("sh", ["-c", "sha256sum f*"], { cwd: folder.path, encoding: "utf8" });
    expect([...files].map(([digest, { path }]) => `${digest}  ${path.slice(folder.path.length + 1)}`).sort()).toEqual(
      sums.trim().split("\n").sort(),
    );
  });
});

describe("what cannot be sent is refused by name", () => {
  const refuses = async (make: (path: string) => void | Promise<void>, message: RegExp): Promise<void> => {
    await using folder = await tempFolder();
    mkdirSync(join(folder.path, "sub"));
    await make(join(folder.path, "sub"));
    const taken = plain(folder.path);
    await expect(taken).rejects.toThrow(message);
    await expect(taken).rejects.toBeInstanceOf(SpellError);
    await expect(taken).rejects.toMatchObject({ code: "invalid-input" });
  };

  test("a FIFO", () => refuses((sub) => void execFileSync("mkfifo", [join(sub, "pipe")]), /"sub\/pipe".*FIFO/));
  test("an absolute link", () => refuses((sub) => symlinkSync("/etc/passwd", join(sub, "l")), /"sub\/l".*absolute/));
  test("a link that leaves the folder", () =>
    refuses((sub) => symlinkSync("../../x", join(sub, "l")), /"sub\/l".*leaves/));
  test("a name with a newline", () => refuses((sub) => writeFileSync(join(sub, "a\nb"), ""), /"sub\/a\\nb".*control/));
  test("a folder's name with a newline", () => refuses((sub) => mkdirSync(join(sub, "a\nb")), /"sub\/a\\nb".*control/));
  test("a name that is not UTF-8", () =>
    refuses(
      (sub) => writeFileSync(Buffer.concat([Buffer.from(`${sub}/bad`), Buffer.from([0xff])]), ""),
      /"sub\/bad.*UTF-8/,
    ));
  test("a socket", async () => {
    await using folder = await tempFolder();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder.path, "sock"), resolve));
    await expect(plain(folder.path)).rejects.toThrow(/"sock".*socket/);
    await new Promise((resolve) => server.close(resolve));
  });
  test.skipIf(process.getuid?.() === 0)("an unreadable file (root reads everything)", () =>
    refuses((sub) => writeFileSync(join(sub, "secret"), "", { mode: 0 }), /"sub\/secret".*permission/),
  );

  test("what .spellignore names is not looked at", async () => {
    await using folder = await tempFolder();
    execFileSync("mkfifo", [join(folder.path, "pipe")]);
    write(folder.path, { ".spellignore": "pipe\n" });
    expect(listing(await plain(folder.path))).toEqual([".spellignore"]);
  });

  test("a folder that does not exist", async () => {
    await expect(plain("/nonexistent/folder")).rejects.toMatchObject({ code: "not-found" });
  });

  test("the U+FFFD character itself is a good name", async () => {
    await using folder = await tempFolder();
    write(folder.path, { "\uFFFD": "" });
    expect(listing(await plain(folder.path))).toEqual(["\uFFFD"]);
  });

  test("a file that keeps changing", async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "log");
    writeFileSync(path, Buffer.alloc(8 * 1024 * 1024));
    // The file grows whenever a turn of the loop is given up, that is, between any two chunks.
    const timer = setInterval(() => appendFileSync(path, "x"), 0);
    try {
      await expect(plain(folder.path)).rejects.toMatchObject({ code: "conflict", reason: "file-changed" });
    } finally {
      clearInterval(timer);
    }
  });

  test("a snapshot that was given up", async () => {
    await using folder = await tempFolder();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(snapshotDirectory({ directory: folder.path, gitAware: false, signal })).rejects.toThrow("enough");
  });
});

describe("a git work tree", () => {
  test("gives tracked, modified and untracked files, without ignored and deleted ones", async () => {
    await using folder = await tempFolder();
    write(folder.path, { ".gitignore": "out/\n", tracked: "1", gone: "1", "dir/kept": "1", "dir2/only": "1" });
    git(folder.path, "init");
    git(folder.path, "add", ".");
    git(folder.path, "commit", "-m", "first");
    write(folder.path, { tracked: "22", "new file\t?": "", "out/junk": "" });
    rmSync(join(folder.path, "new file\t?"));
    write(folder.path, { "new ü": "" });
    rmSync(join(folder.path, "gone"));
    rmSync(join(folder.path, "dir2"), { recursive: true });
    mkdirSync(join(folder.path, "empty"));
    const snapshot = await aware(folder.path);
    expect(listing(snapshot)).toEqual([".gitignore", "dir/", "dir/kept", "new ü", "tracked"]);
    expect(snapshot.totalBytes).toBe(5 + 1 + 0 + 2);
    expect(listing(await aware(join(folder.path, "dir")))).toEqual(["kept"]);
    expect(listing(await aware(join(folder.path, "out")))).toEqual(["junk"]);
    expect(listing(await plain(folder.path))).toContain("out/junk");
  });

  test("lets files and folders take each other's place", async () => {
    await using folder = await tempFolder();
    write(folder.path, { a: "file", "b/x": "in folder", "c/y": "in folder" });
    git(folder.path, "init");
    git(folder.path, "add", ".");
    rmSync(join(folder.path, "a"));
    rmSync(join(folder.path, "b"), { recursive: true });
    renameSync(join(folder.path, "c"), join(folder.path, "d"));
    write(folder.path, { "a/inner": "", b: "file" });
    symlinkSync("d", join(folder.path, "c"));
    expect(listing(await aware(folder.path))).toEqual(["a/", "a/inner", "b", "c -> d", "d/", "d/y"]);
  });

  test("skips repositories inside and says so, until they are grafted", async () => {
    await using folder = await tempFolder();
    write(folder.path, { top: "", "lib/clone/code.py": "x", ".spellignore": "lib/ignored\n" });
    git(folder.path, "init");
    git(join(folder.path, "lib/clone"), "init");
    const snapshot = await aware(folder.path);
    expect(listing(snapshot)).toEqual([".spellignore", "top"]);
    expect(snapshot.skipped).toEqual([{ path: "lib/clone", why: "a git repository of its own" }]);
    const whole = graft(snapshot, "lib/clone", await aware(join(folder.path, "lib/clone")));
    expect(listing(whole)).toEqual([".spellignore", "lib/", "lib/clone/", "lib/clone/code.py", "top"]);
    expect(whole.skipped).toEqual([]);
  });

  test("takes a submodule as its own git sees it, and tells of one that was not fetched", async () => {
    await using folder = await tempFolder();
    const inner = join(folder.path, "lib/inner");
    write(folder.path, { "lib/inner/x": "x", "lib/inner/.gitignore": "junk\n", top: "", "gone/y": "y" });
    for (const module of [inner, join(folder.path, "gone")]) {
      git(module, "init");
      git(module, "add", ".");
      git(module, "commit", "-m", "inner");
    }
    git(folder.path, "init");
    git(folder.path, "add", ".");
    write(folder.path, { "lib/inner/new": "n", "lib/inner/junk": "j", "lib/inner/clone/z": "z" });
    git(join(inner, "clone"), "init");
    rmSync(join(folder.path, "gone"), { recursive: true });
    mkdirSync(join(folder.path, "gone"));
    const snapshot = await aware(folder.path);
    expect(listing(snapshot)).toEqual([
      "lib/",
      "lib/inner/",
      "lib/inner/.gitignore",
      "lib/inner/new",
      "lib/inner/x",
      "top",
    ]);
    expect(snapshot.skipped).toEqual([
      { path: "gone", why: expect.stringContaining("git submodule update --init") },
      { path: "lib/inner/clone", why: "a git repository of its own" },
    ]);
  });

  test("takes what Git LFS keeps apart, and tells of what it has not fetched", async () => {
    await using folder = await tempFolder();
    const large = "large ".repeat(1_000);
    const oid = createHash("sha256").update(large).digest("hex");
    const pointer = (digest: string, size = large.length) =>
      `version https://git-lfs.github.com/spec/v1\noid sha256:${digest}\nsize ${size}\n`;
    write(folder.path, {
      "model.bin": pointer(oid),
      "absent.bin": pointer("0".repeat(64)),
      "other.bin": pointer(oid, 7),
    });
    chmodSync(join(folder.path, "model.bin"), 0o755);
    git(folder.path, "init");
    const stored = `.git/lfs/objects/${oid.slice(0, 2)}/${oid.slice(2, 4)}/${oid}`;
    write(folder.path, { [stored]: large });
    const snapshot = await aware(folder.path);
    expect(listing(snapshot)).toEqual(["absent.bin", "model.bin*", "other.bin"]);
    expect(snapshot.files.get(oid as Digest)).toEqual({ path: join(folder.path, stored), sizeBytes: large.length });
    expect(snapshot.skipped.map(({ path }) => path).sort()).toEqual(["absent.bin", "other.bin"]);
    expect(snapshot.skipped[0]?.why).toContain("git lfs pull");
    // Outside git a pointer is a file like any other.
    expect((await plain(folder.path)).files.has(oid as Digest)).toBe(false);
    write(folder.path, { [stored]: large.replace("l", "L") });
    await expect(aware(folder.path)).rejects.toThrow(/model\.bin" cannot be sent: Git LFS holds other bytes/);
  });

  test("a repository's settings cannot make us run a program", async () => {
    await using folder = await tempFolder();
    await using outside = await tempFolder();
    const trace = join(outside.path, "was-run");
    write(folder.path, { a: "" });
    git(folder.path, "init");
    git(folder.path, "config", "core.fsmonitor", `touch ${trace}; false`);
    expect(listing(await aware(folder.path))).toEqual(["a"]);
    expect(listing(await plain(outside.path))).toEqual([]);
  });

  test("a broken repository is an error that names the folder and git's reason", async () => {
    await using folder = await tempFolder();
    write(folder.path, { ".git": "gitdir: /nonexistent\n" });
    await expect(aware(folder.path)).rejects.toMatchObject({ code: "invalid-input", reason: "git-failed" });
  });
});

describe("links in the way", () => {
  test("are followed by default, and refused below `within`", async () => {
    await using folder = await tempFolder();
    await using secrets = await tempFolder();
    write(secrets.path, { "real/key": "k" });
    symlinkSync(secrets.path, join(folder.path, "code"));
    const directory = join(folder.path, "code/real");
    expect(listing(await plain(directory))).toEqual(["key"]);
    const confined = snapshotDirectory({ directory, gitAware: false, within: folder.path });
    await expect(confined).rejects.toThrow(/code" is a link/);
    const outside = snapshotDirectory({ directory: secrets.path, gitAware: false, within: folder.path });
    await expect(outside).rejects.toMatchObject({ code: "invalid-input" });
    write(folder.path, { "own/deep/x": "" });
    const inside = await snapshotDirectory({
      directory: join(folder.path, "own/deep"),
      gitAware: false,
      within: folder.path,
    });
    expect(listing(inside)).toEqual(["x"]);
  });

  test("a file or folder that becomes a link after it was seen is not followed", async () => {
    await using folder = await tempFolder();
    await using secrets = await tempFolder();
    write(secrets.path, { key: "the secret" });
    const [file, inner] = [join(folder.path, "file"), join(folder.path, "inner")];
    symlinkSync(join(secrets.path, "key"), file);
    symlinkSync(secrets.path, inner);
    const seen = { openPath: file, shownPath: "file" };
    expect(() => hashSmallFile(seen)).toThrow(/"file" changed/);
    await expect(hashFile(seen)).rejects.toMatchObject({ code: "conflict" });
    expect(() => openFolder(inner, "inner")).toThrow(/"inner" cannot be read/);
  });

  test("an open folder goes on being the same one when its path is given to a link", async () => {
    await using folder = await tempFolder();
    await using secrets = await tempFolder();
    write(secrets.path, { key: "the secret" });
    write(folder.path, { "inner/key": "own" });
    const open = openFolder(join(folder.path, "inner"), "inner");
    try {
      renameSync(join(folder.path, "inner"), join(folder.path, "moved"));
      symlinkSync(secrets.path, join(folder.path, "inner"));
      expect(hashSmallFile({ openPath: open.pathOf("key"), shownPath: "inner/key" })?.sizeBytes).toBe(3);
    } finally {
      open.close();
    }
  });

  test("a FIFO that takes a file's place does not block", async () => {
    await using folder = await tempFolder();
    execFileSync("mkfifo", [join(folder.path, "pipe")]);
    expect(() => hashSmallFile({ openPath: join(folder.path, "pipe"), shownPath: "pipe" })).toThrow(/"pipe" changed/);
  });
});

describe("a snapshot of listed entries", () => {
  test("makes the tree, and leaves out by name what a tree cannot hold", async () => {
    await using folder = await tempFolder();
    write(folder.path, { "1": "small", "2": "x" });
    truncateSync(join(folder.path, "2"), 600_000);
    const source = (name: string) => join(folder.path, name);
    const file = { kind: "file", executable: false, sizeBytes: 5 } as const;
    const link = { kind: "symlink", executable: false, sizeBytes: 0, source: "" } as const;
    const snapshot = await snapshotEntries({
      entries: [
        { ...file, path: "save/model", source: source("2"), executable: true },
        { ...file, path: "out.txt", source: source("1") },
        { ...file, path: "bad\nname", source: source("1") },
        { ...file, path: "vanished", source: source("3") },
        { ...link, path: "save/latest", target: "model" },
        { ...link, path: "save/abs", target: "/spell/x" },
        { ...link, path: "up", target: "../x" },
        { kind: "directory", path: "empty", source: source("e"), executable: false, sizeBytes: 0 },
        { ...link, kind: "fifo", path: "pipe" },
        { ...link, kind: "socket", path: "save/sock" },
      ],
    });
    expect(listing(snapshot)).toEqual(["empty/", "out.txt", "save/", "save/latest -> model", "save/model*"]);
    expect(snapshot).toMatchObject({ fileCount: 2, totalBytes: 600_005 });
    expect(snapshot.skipped.map(({ path }) => path).sort()).toEqual([
      ...["bad\nname", "pipe", "save/abs", "save/sock", "up", "vanished"],
    ]);
    expect([...snapshot.files.values()].map(({ path }) => path).sort()).toEqual([source("1"), source("2")]);
  });
});
