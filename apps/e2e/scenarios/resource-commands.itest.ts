/** The commands for files as scripts use them: the lines they print, their exit codes, and what each refuses. */
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Farm } from "../support/farm.ts";
import { spellOnTerminal } from "../support/terminal.ts";

let farm: Farm;
/** Where commands are typed; `data` lies in it and is uploaded as `plain`. */
let here = "";

beforeAll(async () => {
  farm = await Farm.start({ args: ["--executor", "process"] });
  here = join(farm.folder, "here");
  mkdirSync(join(here, "data", "deep"), { recursive: true });
  writeFileSync(join(here, "data", "a.txt"), "alpha\n");
  writeFileSync(join(here, "data", "deep", "z.bin"), Buffer.alloc(2_000));
  mkdirSync(join(here, "empty"));
  await said("upload", "data", "-n", "plain");
});
afterAll(() => farm?.[Symbol.asyncDispose]());

/** What a command prints that must do well and complain of nothing. */
async function said(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await farm.spell(args, { cwd: here });
  expect([exitCode, stderr], args.join(" ")).toEqual([0, ""]);
  return stdout;
}

/** Refused: this exit code, this on stderr and nothing on stdout. */
async function refused(args: readonly string[], exitCode: number, sentence: RegExp): Promise<void> {
  const { stdout, stderr, ...result } = await farm.spell(args, { cwd: here });
  expect([result.exitCode, stderr], args.join(" ")).toEqual([exitCode, expect.stringMatching(sentence)]);
  expect(stdout).toBe("");
}

const read = (path: string): string => readFileSync(join(here, path), "utf8");

describe("upload and ls", () => {
  it("print what scripts read: the name is the last word", async () => {
    expect(await said("upload", "data/a.txt", "-n", "one")).toMatch(
      /^Total upload size: 6B\nUpload of one \(\S*data\/a\.txt\) to 'uploads\/one' complete\.\n$/,
    );
    expect(await said("ls", "uploads/plain")).toMatch(
      /^6 {8}[A-Z][a-z]{2} \d\d \d\d:\d\d {3}a\.txt\n- {8}[A-Z][a-z]{2} \d\d \d\d:\d\d {3}deep\/\n$/,
    );
    expect(await said("ls", "-h", "uploads/plain/deep/")).toMatch(/^2\.0K {5}.* z\.bin\n$/);
    expect((await said("ls", "uploads")).split("\n").map((line) => line.split(" ").at(-1))).toEqual([
      "one",
      "plain",
      "",
    ]);
    expect(await said("ls")).toMatch(/ public\/\n.* runs\/\n.* uploads\/\n/);
  });

  it("a link to a file is uploaded as what it leads to", async () => {
    symlinkSync("data/a.txt", join(here, "to-a"));
    symlinkSync("data", join(here, "to-data"));
    await said("upload", "to-a", "-n", "led");
    expect(await said("ls", "uploads/led")).toMatch(/^6 .* to-a\n$/);
    await said("upload", "to-data");
    expect(await said("ls", "uploads/to-data")).toMatch(/ a\.txt\n.* deep\/\n$/);
    for (const name of ["led", "to-data"]) await said("rm", `uploads/${name}`);
  });

  it("nothing there is no error", async () => {
    await said("run", "-f", "true");
    const nothing = await farm.spell(["ls", "runs/1"], { cwd: here });
    expect(nothing).toEqual({ exitCode: 0, stdout: "", stderr: "No files for path runs/1\n" });
    expect((await farm.spell(["ls", "runs/1", "--json"])).stdout).toBe("[]\n");
  });

  it.each<[args: string[], exitCode: number, sentence: RegExp]>([
    [["upload", "data", "-n", "a/b"], 1, /cannot be called "a\/b"/],
    [["upload", "data", "-n", ".."], 1, /would mean a folder/],
    [["upload", "nowhere"], 2, /does not exist/],
    [["upload", "empty"], 3, /nothing to upload/],
    [["upload", "/dev/null"], 3, /neither a file nor a folder/],
    [["rm", "best"], 1, /only whole uploads can.* "spell unlink best" removes a link/],
    [["ls", "uploads/nope"], 1, /no upload "nope"/],
    [["ls", "runs/999"], 1, /no run 999/],
    [["ls", "uploads/plain/.."], 1, /without '\.\.'/],
    [["ls", "uploads/plain/nope"], 1, /nope/],
  ])("%j is refused", (args, exitCode, sentence) => refused(args, exitCode, sentence));
});

describe("cp", () => {
  it("replaces what is there in a pipe, keeps it with -i, and prints nothing", async () => {
    expect(await said("cp", "uploads/plain", "out")).toBe("");
    expect([readdirSync(join(here, "out")), read("out/a.txt")]).toEqual([["a.txt", "deep"], "alpha\n"]);
    writeFileSync(join(here, "out", "a.txt"), "mine\n");
    await said("cp", "-i", "uploads/plain", "out");
    expect(read("out/a.txt")).toBe("mine\n");
    await said("cp", "uploads/plain", "out");
    expect(read("out/a.txt")).toBe("alpha\n");
    expect(JSON.parse(await said("cp", "--json", "uploads/plain/a.txt", "one"))).toEqual({
      ...{ files: 1, size: 6, skipped: [] },
    });
  });

  it("asks on a terminal, unless -f is given", async () => {
    const onTerminal = (args: string[], input = "") => spellOnTerminal(farm.place, args, { cwd: here, input });
    await said("cp", "uploads/plain/a.txt", "asked");
    writeFileSync(join(here, "asked", "a.txt"), "mine\n");
    expect(await onTerminal(["cp", "uploads/plain/a.txt", "asked"], "n\r")).toMatch(/Replace .*a\.txt\? \[y\/N\]/);
    expect(read("asked/a.txt")).toBe("mine\n");
    expect(await onTerminal(["cp", "uploads/plain/a.txt", "asked"], "y\r")).toMatch(/✔ Copied 1 file\.\r\n$/);
    expect(read("asked/a.txt")).toBe("alpha\n");
    expect(await onTerminal(["cp", "-f", "uploads/plain/a.txt", "asked"])).not.toContain("Replace");
  });

  it("follows no link out of the folder that it copies into", async () => {
    mkdirSync(join(here, "elsewhere"));
    mkdirSync(join(here, "trap"));
    symlinkSync("../elsewhere", join(here, "trap", "deep"));
    await refused(["cp", "uploads/plain", "trap"], 1, /"deep": a link of that name is there/);
    expect(readdirSync(join(here, "elsewhere"))).toEqual([]);
  });

  it.each<[args: string[], exitCode: number, sentence: RegExp]>([
    [["cp", "-f", "-i", "uploads/plain"], 2, /exclude each other/],
    [["cp", "/uploads/plain/../one"], 1, /Cannot read/],
    [["cp", "uploads/plain/../one"], 1, /without '\.\.'/],
    [["cp", "uploads/nope"], 1, /no upload "nope"/],
    [["cp"], 2, /missing required argument/],
  ])("%j is refused", (args, exitCode, sentence) => refused(args, exitCode, sentence));
});

describe("link and unlink", () => {
  it("give names, list them and take them back; one of a link leads where that leads", async () => {
    expect(await said("link", "best", "uploads/plain")).toMatch(
      /^Successfully created symlink:\nbest → uploads\/plain +[A-Z][a-z]{2} \d\d \d\d:\d\d *\n$/,
    );
    expect(JSON.parse(await said("link", "again", "best", "--json"))).toMatchObject([
      { resource_path: "uploads/plain" },
    ]);
    expect(await said("ls", "best")).toContain(" a.txt\n");
    expect(await said("link")).toMatch(/^again → [^]*\nbest → /);
    await refused(["link", "best", "uploads/one"], 1, /There is a link "best" already/);
    await refused(["link", "a/b", "uploads/plain"], 3, /cannot be an alias/);
    await refused(["link", "uploads/plain", "new"], 3, /^The alias comes first: spell link new uploads\/plain\n$/);
    await refused(["link", "new", "uploads/nope"], 1, /no upload "nope"/);
    expect(await said("unlink", "best")).toBe("Successfully removed link with alias best.\n");
    await refused(["unlink", "best"], 1, /There is no link "best"/);
    await refused(["ls", "best"], 1, /there is no link "best"/);
    expect(await said("link", "best")).toBe("No links with alias best found.\n");
  });
});

describe("models", () => {
  it("are made, described, downloaded and removed in versions", async () => {
    expect(await said("model", "create", "net", "uploads/plain")).toBe("Successfully created model: net v1\n");
    expect(await said("model", "create", "net", "uploads/plain", "-f", "a.txt")).toBe(
      "Successfully created model: net v2\n",
    );
    await refused(["model", "create", "net:v1", "uploads/plain"], 1, /has a version v1 already/);
    await refused(["model", "create", "net", "uploads/nope"], 1, /no upload "nope"/);
    expect(await said("model", "list")).toMatch(/^NAME +LATEST VERSION +CREATED +CREATOR\nnet +v2 /);
    expect(await said("model", "update-description", "net:v2", "two words")).toMatch(/net:v2\n$/);
    expect(await said("model", "describe", "net:v2")).toMatch(/^Version +v2$[^]*^Description +two words$/m);
    expect(await said("model", "download", "net:v1", "-d", "got")).toMatch(/^Downloading model[^]*\nDone!\n$/);
    expect(readdirSync(join(here, "got"))).toEqual(["a.txt", "deep"]);
    await refused(["model", "describe", "net:v9"], 1, /no version v9 \(it has v1, v2\)/);
    await refused(["model", "download", "net:v9"], 1, /no version v9/);
    await refused(["model", "download", "net"], 1, /VERSION/);
    expect(await farm.spell(["model", "rm", "net:v1"], { input: "n\n" })).toMatchObject({ exitCode: 0, stdout: "" });
    const unanswered = await farm.spell(["model", "rm", "net:v1"], { input: "" });
    expect(unanswered).toMatchObject({ exitCode: 1, stdout: "", stderr: expect.stringContaining("Nobody answered") });
    expect(await said("model", "rm", "-f", "net:v1")).toContain("version v1");
    expect(JSON.parse(await said("model", "rm", "-f", "net", "--json"))).toEqual({ name: "net", version: null });
    await refused(["model", "describe", "net"], 1, /no model "net"/);
  });
});

describe("checkout", () => {
  it("brings the code of a run, never over files that are there", async () => {
    const { id } = JSON.parse((await said("run", "-f", "-b", "--json", "true")).split("\n")[0] ?? "") as { id: number };
    expect(await said("checkout", String(id), "code")).toMatch(/^Checked out the code of run \d+ into code\/here /);
    expect(read("code/here/data/a.txt")).toBe("alpha\n");
    expect((await farm.spell(["checkout", String(id), "code"], { cwd: here })).exitCode).not.toBe(0);
    await refused(["checkout", "999"], 1, /no run 999/);
  });
});

describe("rm", () => {
  it("removes whole uploads, all of them or, where one cannot be named, none", async () => {
    await refused(["rm", "uploads/plain/a.txt", "uploads/one"], 1, /only whole uploads/);
    await refused(["rm", "runs/1"], 1, /only whole uploads/);
    await refused(["rm", "uploads/nope"], 1, /no upload "nope"/);
    expect(JSON.parse(await said("rm", "uploads/one", "--json"))).toEqual({ removed: ["uploads/one"] });
    expect(await said("rm", "uploads/plain")).toBe("");
    await refused(["ls", "uploads/plain"], 1, /no upload "plain"/);
  });
});
