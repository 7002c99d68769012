/** Files of every kind on their way through the system: from a folder into a run, from a run into the next. */
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { listRuns, readRun } from "../support/records.ts";
import { run } from "../support/run.ts";

let farm: Farm;

beforeAll(async () => {
  farm = await Farm.start({ args: ["--cpu-slots", "4"] });
});

afterAll(() => farm[Symbol.asyncDispose]());

/** An empty folder of this name, to start runs in. */
function folderFor(name: string): string {
  const path = join(farm.folder, name);
  mkdirSync(path);
  return path;
}

describe("code that cannot be sent: refused by name, and no run is made", () => {
  const refuses = async (cwd: string, stderr: string): Promise<void> => {
    const runsBefore = await listRuns(farm.place);
    const filesBefore = readdirSync(cwd);
    const result = await farm.spell(["run", "true"], { cwd });
    expect(result).toEqual({ exitCode: 1, stdout: "", stderr: expect.stringContaining(stderr) });
    expect(readdirSync(cwd)).toEqual(filesBefore);
    expect(await listRuns(farm.place)).toEqual(runsBefore);
  };

  test.each<[what: string, make: (folder: string) => void, stderr: string]>([
    [
      "a link that leaves it",
      (folder) => symlinkSync("../../etc", join(folder, "out")),
      '"out" cannot be sent: it is a link to "../../etc", and it leaves the folder that is sent. Change it, or name it in',
    ],
    [
      "a name with newline",
      (folder) => writeFileSync(join(folder, "two\nlines"), ""),
      '"two\\nlines" cannot be sent: a name may not contain control characters',
    ],
    [
      "a FIFO",
      (folder) => void execFileSync("mkfifo", [join(folder, "pipe")]),
      '"pipe" cannot be sent: it is a FIFO (named pipe)',
    ],
    [
      "folders deeper than any tree",
      (folder) => mkdirSync(join(folder, "d/".repeat(300)), { recursive: true }),
      "cannot be sent: folders may not lie deeper than 256 levels",
    ],
  ])("%s", async (what, make, stderr) => {
    const folder = folderFor(what);
    make(folder);
    await refuses(folder, stderr);
  });

  test("a socket", async () => {
    const folder = folderFor("sock");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, "s"), resolve));
    await refuses(folder, '"s" cannot be sent: it is a socket');
    await new Promise((resolve) => server.close(resolve));
  });

  test.skipIf(process.getuid?.() === 0)("a file that may not be read (root reads everything)", async () => {
    const folder = folderFor("unreadable");
    writeFileSync(join(folder, "secret"), "", { mode: 0 });
    await refuses(folder, '"secret" cannot be read');
  });

  test("a file that grows while it is read", async () => {
    const folder = folderFor("growing");
    const path = join(folder, "train.log");
    writeFileSync(path, "");
    // Large enough that it cannot be read through between two lines of the writer.
    truncateSync(path, 200 * 1024 * 1024);
    const writer = spawn("sh", ["-c", 'while :; do echo line >> "$0"; done', path]);
    try {
      await waitFor("the writer", () => execFileSync("stat", ["-c", "%s", path]).toString() !== "209715200\n");
      await refuses(folder, 'The file "train.log" changed while it was read. Wait until nothing writes it.');
    } finally {
      writer.kill("SIGKILL");
    }
  });

  test("a name of 300 bytes, which only a program can send", async () => {
    using client = farm.client();
    const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
    const name = "é".repeat(150);
    const node = `spell-tree 1\nf\t${name}\t0\t${digest("")}\n`;
    const root = digest(node) as Parameters<typeof client.trees.commitTree>[0]["root"];
    await expect(client.trees.commitTree({ root, objects: [], nodes: [Buffer.from(node)] })).rejects.toMatchObject({
      code: "invalid-input",
      message: expect.stringMatching(`the name "${name}" is not allowed: a name may not be longer than 255 bytes`),
    });
    await expect(client.runs.create({ command: "true", code: { tree: root, root: name } })).rejects.toMatchObject({
      reason: "no-such-tree",
    });
  });
});

/** Everything below a folder: kind, name, target; what may be executed; contents. */
const LISTING = [
  "export LC_ALL=C; find . -mindepth 1 -printf '%y %p %l\\n' | sort",
  "find . -type f -perm -100 | sort; grep -r '' . | sort",
].join("; ");

/** All that a tree can hold. */
function makeOddTree(root: string): void {
  const deep = join(root, "a folder/of ten bytes/".repeat(40));
  mkdirSync(deep, { recursive: true });
  const names = [
    "grüße",
    "gru\u0308ße",
    "GRÜSSE",
    "Grüße",
    "日本語.txt",
    "🎉",
    "-rf",
    " leading blank",
    "'quotes\"",
    "back\\slash",
    "*?[x]",
    "$HOME",
  ];
  for (const name of [...names, "x".repeat(255), ".hidden"]) writeFileSync(join(root, name), `${name.length}\n`);
  writeFileSync(join(deep, "bottom"), "deep\n");
  writeFileSync(join(root, "empty file"), "");
  mkdirSync(join(root, "empty/inner"), { recursive: true });
  mkdirSync(join(root, "bin"));
  writeFileSync(join(root, "bin/tool"), "#!/bin/sh\necho tool runs\n");
  chmodSync(join(root, "bin/tool"), 0o755);
  symlinkSync("bin/tool", join(root, "to file"));
  symlinkSync("bin", join(root, "to folder"));
  symlinkSync("../grüße", join(root, "bin/up"));
  symlinkSync("nowhere", join(root, "dangling"));
}

test("what a tree can hold arrives as it was: in the run, as outputs, in the next run", async () => {
  const folder = folderFor("odd tree");
  const tree = join(folder, "tree");
  mkdirSync(tree);
  makeOddTree(tree);
  const listing = execFileSync("sh", ["-c", LISTING], { cwd: tree, encoding: "utf8" });
  const first = await run(farm, folder, `cp -a tree copy; tree/to\\ file; cd tree; ${LISTING}`);
  expect(first.output).toBe(`tool runs\n${listing}`);
  const second = await run(farm, folder, "-m", `runs/${first.id}/copy:/data/again`, `cd /data/again; ${LISTING}`);
  expect(second.output).toBe(listing);
});

describe("outputs", () => {
  test("are what is new or changed: below the code's root relative to it, beside it relative to /spell", async () => {
    const folder = folderFor("project");
    mkdirSync(join(folder, "sub"));
    for (const [path, text] of Object.entries({ "same.txt": "same\n", "changed.txt": "old\n", "gone.txt": "gone\n" })) {
      writeFileSync(join(folder, path), text);
    }
    writeFileSync(join(folder, "sub/code.py"), "pass\n");
    const command = [
      "echo same > same.txt; touch sub/code.py; echo new > changed.txt; rm gone.txt",
      "mkdir -p sub/made/deep /spell/beside /data; echo 1 > sub/made/deep/f; echo 2 > /spell/beside/g; echo 3 > /spell/h",
      "echo 4 > /tmp/not; echo 5 > /data/not; mkdir nothing-in-it",
    ];
    const written = await run(farm, folder, command.join("; "));
    expect(written.stdout).toContain("Found 4 new or modified files (10 bytes)\n");
    const seen = await run(farm, folder, "-m", `runs/${written.id}:/data/all`, `cd /data/all; ${LISTING}`);
    expect(seen.output.split("\n").filter((line) => line.startsWith("."))).toEqual([
      "./beside/g:2",
      "./changed.txt:new",
      "./h:3",
      "./sub/made/deep/f:1",
    ]);
    expect(seen.output).toContain("d ./nothing-in-it \n");
    expect(seen.output).not.toMatch(/same|gone|code\.py|not$/m);
  });

  test("are none when files of the code are deleted, left alone or written as they were", async () => {
    const folder = folderFor("untouched");
    for (const name of ["a", "b", "c"]) writeFileSync(join(folder, name), `${name}\n`);
    const { id, stdout } = await run(farm, folder, "rm a; touch b; echo c > c; cat b");
    expect(stdout).toContain("No modified or new files found\n");
    expect(await readRun(farm.place, id)).toMatchObject({ status: "complete", output_tree: "" });
  });

  test("that no tree can hold are named in the log and cost nothing else", async () => {
    const folder = folderFor("odd outputs");
    const command = [
      "mkdir save; echo good > save/good.txt; ln -s good.txt save/inside",
      "touch save/$'two\\nlines'; ln -s /etc/passwd save/absolute; ln -s ../../../x save/leaves; mkfifo save/pipe",
      `python -c 'import socket; socket.socket(socket.AF_UNIX).bind("save/sock")'`,
      `mkdir -p "$(python -c 'print("d/" * 300)')"; mkdir save/shut; echo mine > save/shut/f; chmod 0 save/shut/f save/shut`,
    ];
    const { id, stdout } = await run(farm, folder, command.join("; "));
    for (const sentence of [
      '"save/two\\nlines" (a name may not contain control characters such as newline or tab)',
      '"save/absolute" (a link to "/etc/passwd": a link may not be absolute)',
      '"save/leaves" (a link to "../../../x": it leaves the outputs)',
      '"save/pipe" (a FIFO)',
      '"save/sock" (a socket)',
    ]) {
      expect(stdout).toContain(`Left out of the outputs: ${sentence}\n`);
    }
    expect(stdout).toMatch(/Left out of the outputs: "d\/d\/.*" \(folders may not lie deeper than 256 levels\)\n/);
    expect(stdout).toContain(`🎉 Run ${id} complete\n`);
    const seen = await run(
      farm,
      folder,
      "-m",
      `runs/${id}:/data/all`,
      "cd /data/all; find . -type f -o -type l | sort",
    );
    expect(seen.output).toBe("./save/good.txt\n./save/inside\n./save/shut/f\n");
  });
});

test("mounts are private and writable: what a run does to them reaches neither the source nor its own outputs", async () => {
  const folder = folderFor("mounting");
  mkdirSync(join(folder, "model"));
  writeFileSync(join(folder, "model/of-the-code"), "hidden by the mount\n");
  const source = await run(farm, folder, "mkdir -p d/in; echo old > d/in/f; echo gone > d/g; echo one > one.txt");
  const mounts = ["d:model", "d:/data/d", "one.txt:one.txt", "one.txt:/data/one.txt"].flatMap((each) => [
    ...["-m", `runs/${source.id}/${each}`],
  ]);
  const changes = [
    "cat model/in/f /data/d/in/f one.txt /data/one.txt; ls model",
    "for d in model /data/d; do echo new >> $d/in/f; rm $d/g; echo more > $d/h; done",
    "echo new >> one.txt; echo other > /data/one.txt; echo mine > result.txt; cat model/in/f one.txt /data/one.txt",
  ];
  const changing = await run(farm, folder, ...mounts, changes.join("; "));
  expect(changing.output).toBe("old\nold\none\none\ng\nin\nold\nnew\none\nnew\nother\n");
  expect(changing.stdout).toContain("Found 1 new or modified file (5 bytes)\n");
  const again = ["-m", `runs/${source.id}:/data/s`, "-m", `runs/${changing.id}:/data/c`];
  const after = await run(farm, folder, ...again, "cd /data; grep -r '' . | sort; ls");
  expect(after.output).toBe("./c/result.txt:mine\n./s/d/g:gone\n./s/d/in/f:old\n./s/one.txt:one\nc\ns\n");
});
