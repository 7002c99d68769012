/** The operator keeps the store in order: what nothing uses goes, what anything uses stays. */
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createS3Store } from "@spell/object-store/s3";
import { startMinio, waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { contentsOf } from "../support/contents.ts";
import { Farm } from "../support/farm.ts";

test("what was removed leaves the store, and what runs wrote or mount stays", async () => {
  await using farm = await Farm.start({ args: ["--gc-grace-hours", "0"] });
  const code = join(farm.folder, "code");
  mkdirSync(code);
  const spell = async (...args: string[]): Promise<string> => {
    const { stdout, stderr, exitCode } = await farm.spell(args, { cwd: code });
    expect(stderr, args.join(" ")).toBe("");
    expect(exitCode, args.join(" ")).toBe(0);
    return stdout;
  };
  const gc = async (...args: string[]): Promise<Record<string, number>> =>
    JSON.parse(await spell("gc", "--json", ...args)) as Record<string, number>;
  for (const name of ["mounted", "unused"]) {
    const folder = join(farm.folder, name);
    mkdirSync(folder);
    writeFileSync(join(folder, "data"), name.repeat(1_000));
    await spell("upload", folder, "--name", name);
  }
  await spell("run", "--mount", "uploads/mounted:in", "cp in/data out");
  await spell("rm", "uploads/mounted");
  await spell("rm", "uploads/unused");
  const foreseen = await gc("--dry-run");
  expect(foreseen).toMatchObject({ dry_run: true, dead_blobs: 2, dead_bytes: expect.any(Number), deleted_objects: 1 });
  expect(await gc()).toEqual({ ...foreseen, dry_run: false });
  expect(await spell("gc")).toMatch(/^Removed 0 unused blobs \(0 B\) and 0 objects .*\n\d+ blobs in use\.\n$/);

  await farm.killAndWait("coordinator");
  await waitFor("the coordinator", async () => (await farm.spell(["ps"])).exitCode === 0);
  await spell("cp", "runs/1/out", farm.folder);
  expect(readFileSync(join(farm.folder, "out"), "utf8")).toBe("mounted".repeat(1_000));
  await spell("upload", join(farm.folder, "unused"), "--name", "unused");
  await spell("run", "--mount", "uploads/unused:in", "--mount", "runs/1/out:before", "cat in/data before > /dev/null");
});

test("what takes the space is shown, and what is lost is found and named", async () => {
  await using farm = await Farm.start();
  const code = join(farm.folder, "code");
  mkdirSync(code);
  const spell = (...args: string[]) => farm.spell(args, { cwd: code });
  expect((await spell("du")).stdout).toMatch(/^OWN +SHARED +KIND +OWNER +NAME\n\nStored +0 B in 0 objects\n/);
  await spell("run", "head -c 2000000 /dev/urandom > big");
  await spell("model", "create", "net", "runs/1");
  expect((await spell("du")).stdout).toMatch(/^OWN .*\n2\.0 MB +0 B +run +\S+ +runs\/1\n/);
  const measured = JSON.parse((await spell("du", "--json")).stdout) as { items: object[] };
  expect(measured.items).toContainEqual(expect.objectContaining({ kind: "model", name: "net:v1", own_bytes: 0 }));
  const whole = await spell("fsck", "--read-data");
  expect(whole).toMatchObject({ exitCode: 0, stderr: "" });
  expect(whole.stdout).toMatch(/^\d+ blobs in \d+ objects checked, 2\.0 MB read: all is there\.\n$/);

  const packs = join(farm.data, "objects", "objects", "packs");
  const [large] = readdirSync(packs).filter((name) => statSync(join(packs, name)).size >= 2_000_000);
  truncateSync(join(packs, large ?? ""), 1_000_000);
  const damaged = await spell("fsck");
  expect(damaged.exitCode).toBe(1);
  expect(damaged.stdout).toMatch(
    /^Lost: runs\/1 of \S+: big \(the object .* is cut off after 1000000 bytes\); touches 1 model: net:v1\n/,
  );
  expect(damaged.stdout).toMatch(/: 1 blob lost\.\n$/);
  const { losses } = JSON.parse((await spell("fsck", "--json")).stdout) as { losses: object[] };
  expect(losses).toMatchObject([{ resource: "runs/1", path: "big", models: ["net:v1"] }]);
});

test("what the store has lost is stored again from the cache of the agent that made it", async () => {
  await using farm = await Farm.start();
  const code = join(farm.folder, "code");
  mkdirSync(join(code, "lib"), { recursive: true });
  writeFileSync(join(code, "lib", "a.py"), "code");
  const spell = (...args: string[]) => farm.spell(args, { cwd: code });
  const packs = join(farm.data, "objects", "objects", "packs");
  expect((await spell("run", "head -c 2000000 /dev/urandom > big; mkdir -p d/e; echo small > d/e/f")).exitCode).toBe(0);
  const before = join(farm.folder, "before");
  expect((await spell("cp", "runs/1", before)).exitCode).toBe(0);
  // All of it: the code as well, which the agent has fetched.
  const lost = readdirSync(packs);
  for (const name of lost) rmSync(join(packs, name));
  expect(await spell("fsck")).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/^Lost: /) });
  const repaired = await spell("fsck", "--repair");
  expect(repaired.stdout).toMatch(
    /^Repaired: runs\/1 of \S+: all of it \(from the cache of \S+; the object .* is gone\)\n/m,
  );
  expect(repaired.stdout).toMatch(/^Repaired: runs\/1 of \S+: d\/e\/f /m);
  expect(repaired.stdout).toMatch(/^Repaired: code of run 1 of \S+: code\/lib\/a\.py /m);
  expect(repaired).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/\d blobs \(2\.0 MB\) repaired, all is there\.\n$/),
  });
  expect(await spell("fsck", "--read-data")).toMatchObject({ exitCode: 0 });
  const after = join(farm.folder, "after");
  expect((await spell("cp", "runs/1", after)).exitCode).toBe(0);
  expect(contentsOf(after)).toEqual(contentsOf(before));

  // What has left the cache too is lost, and said to be.
  const [large] = readdirSync(packs).filter((name) => statSync(join(packs, name)).size === 2_000_000);
  truncateSync(join(packs, large ?? ""), 1_000);
  rmSync(join(farm.data, "agent", "cache", "blobs"), { recursive: true });
  const outcome = await spell("fsck", "--repair", "--json");
  expect(outcome.exitCode).toBe(1);
  expect(JSON.parse(outcome.stdout)).toMatchObject({
    lost_blobs: 1,
    repaired_blobs: 0,
    notes: [],
    losses: [{ path: "big" }],
  });
});

test("what an S3 store has lost is stored again in the same way", async () => {
  await using minio = await startMinio();
  await using farm = await Farm.start({
    args: ["--s3-endpoint", minio.endpoint, "--s3-bucket", "spell"],
    env: { SPELL_S3_ACCESS_KEY: minio.accessKey, SPELL_S3_SECRET_KEY: minio.secretKey },
  });
  const code = join(farm.folder, "code");
  mkdirSync(join(code, "lib"), { recursive: true });
  writeFileSync(join(code, "lib", "a.py"), "code");
  const spell = (...args: string[]) => farm.spell(args, { cwd: code });
  expect((await spell("run", "head -c 2000000 /dev/urandom > big; mkdir d; echo small > d/f")).exitCode).toBe(0);
  const [before, after] = [join(farm.folder, "before"), join(farm.folder, "after")];
  expect((await spell("cp", "runs/1", before)).exitCode).toBe(0);
  const objects = createS3Store({ ...minio, bucket: "spell", timeoutMs: 10_000 });
  for await (const { key } of objects.list("packs/")) await objects.delete(key);
  expect(await spell("fsck")).toMatchObject({ exitCode: 1 });
  const { stdout, exitCode } = await spell("fsck", "--repair", "--read-data");
  expect({ stdout, exitCode }).toEqual({ exitCode: 0, stdout: expect.stringMatching(/ repaired, all is there\.\n$/) });
  expect((await spell("cp", "runs/1", after)).exitCode).toBe(0);
  expect(contentsOf(after)).toEqual(contentsOf(before));
});
