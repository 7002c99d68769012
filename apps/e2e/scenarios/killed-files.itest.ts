/**
 * kill -9 of client, agent or coordinator at any moment while files move: afterwards the store is whole, what ended well is there byte
 * for byte, and what did not can be done again. `SPELL_KILL_ROUNDS` makes it longer, `SPELL_KILL_SEED` repeats one.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { isFinal } from "@spell/domain";
import { waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { contentsOf } from "../support/contents.ts";
import { Farm } from "../support/farm.ts";

const ROUNDS = Number(process.env["SPELL_KILL_ROUNDS"] ?? 4);
const SEED = Number(process.env["SPELL_KILL_SEED"] ?? Date.now() % 1_000_000);
const ROUND_MS = 60_000;

interface Round {
  job: "upload" | "run" | "copy";
  victim: "client" | "agent" | "coordinator";
  afterMs: number;
}

const round: fc.Arbitrary<Round> = fc.record({
  job: fc.constantFrom("upload", "run", "copy"),
  victim: fc.constantFrom("client", "agent", "coordinator"),
  afterMs: fc.integer({ min: 0, max: 1_500 }),
});

/** Some files that stay the same from round to round, and some that do not. */
function change(folder: string, number: number): void {
  mkdirSync(join(folder, `dir ${number}`), { recursive: true });
  writeFileSync(join(folder, "large"), randomBytes(6_000_000));
  for (let file = 0; file < 40; file += 1)
    writeFileSync(join(folder, `dir ${number}`, `small ${file}`), randomBytes(9_000));
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What a run writes: many files, and one that grows for a while. */
const COMMAND = `mkdir -p out; for i in $(seq 60); do echo $i > out/$i; done; head -c 20000000 /dev/zero > out/zeros; sleep 0.3`;
const NUMBERS = Object.fromEntries(
  Array.from({ length: 60 }, (_, index) => [`${index + 1}`, sha256(`${index + 1}\n`)]),
);
const ZEROS = createHash("sha256").update(Buffer.alloc(20_000_000)).digest("hex");

async function ranWhole(farm: Farm, known: ReadonlySet<number>): Promise<void> {
  using client = farm.client();
  for (const { id } of (await client.runs.list()).filter((run) => !known.has(run.id))) {
    const run = await waitFor(`run ${id} to end`, async () => {
      const found = await client.runs.get(id);
      return isFinal(found.status) && found;
    });
    expect(["complete", "interrupted"], `${run.status}: ${run.reason}`).toContain(run.status);
    if (run.status !== "complete") continue;
    const copy = join(farm.folder, `outputs of ${id}`);
    const { exitCode, stderr } = await farm.spell(["cp", `runs/${id}/out`, copy], { cwd: farm.folder });
    expect(exitCode, stderr).toBe(0);
    expect(contentsOf(copy)).toEqual({ ...NUMBERS, zeros: ZEROS });
    rmSync(copy, { recursive: true });
  }
}

async function play(farm: Farm, number: number, { job, victim, afterMs }: Round): Promise<void> {
  const [folder, copy] = [join(farm.folder, "work"), join(farm.folder, "copy")];
  const name = `round-${number}`;
  const call = { cwd: job === "upload" ? farm.folder : folder };
  if (job === "upload") change(folder, number);
  using client = farm.client();
  const known = new Set((await client.runs.list()).map(({ id }) => id));
  const args = {
    upload: ["upload", folder, "--name", name],
    run: ["run", "--wait", COMMAND],
    copy: ["cp", "-f", "uploads/first", copy],
  }[job];
  using running = farm.startSpell(args, call);
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  if (victim === "client") running.signal("SIGKILL");
  else await farm.killAndWait(victim);
  const { exitCode, stderr } = await running.done;
  await waitFor("the coordinator", async () => (await farm.spell(["whoami"])).exitCode === 0);
  // Who was killed itself may not know how it went, and who had not reached the coordinator yet says so.
  if (victim !== "client" && job !== "run" && !stderr.startsWith("Can't reach Spell")) expect(exitCode, stderr).toBe(0);
  if (job === "run") return ranWhole(farm, known);
  const again = await farm.spell(args, call);
  expect(again.exitCode, again.stderr).toBe(0);
  const target = job === "copy" ? copy : join(farm.folder, `copy of ${name}`);
  if (job === "upload") await farm.spell(["cp", `uploads/${name}`, target], { cwd: farm.folder });
  const first = join(farm.folder, "first");
  expect(contentsOf(target)).toEqual(contentsOf(job === "copy" ? first : folder));
  rmSync(target, { recursive: true });
}

test(`files survive ${ROUNDS} kills, seed ${SEED}`, { timeout: ROUNDS * ROUND_MS }, async () => {
  await using farm = await Farm.start();
  for (const name of ["first", "work"]) change(join(farm.folder, name), 0);
  expect((await farm.spell(["upload", join(farm.folder, "first")])).exitCode).toBe(0);
  for (const [number, what] of fc.sample(round, { numRuns: ROUNDS, seed: SEED }).entries()) {
    const told = `round ${number} ${JSON.stringify(what)}`;
    await play(farm, number, what).catch((error: unknown) => {
      throw new Error(`${told}, seed ${SEED}`, { cause: error });
    });
    const checked = await farm.spell(["fsck", "--read-data"]);
    expect(checked, told).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("all is") });
    expect((await farm.spell(["gc"])).exitCode, told).toBe(0);
  }
});
