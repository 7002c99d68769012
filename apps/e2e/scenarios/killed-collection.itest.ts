/**
 * kill -9 of the coordinator in the middle of a collection: afterwards the store is whole, what is in use is there byte for byte, and the
 * next collection finishes what that one began. `SPELL_KILL_ROUNDS` makes it longer, `SPELL_KILL_SEED` repeats one.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { contentsOf } from "../support/contents.ts";
import { Farm } from "../support/farm.ts";

const ROUNDS = Number(process.env["SPELL_KILL_ROUNDS"] ?? 2);
const SEED = Number(process.env["SPELL_KILL_SEED"] ?? Date.now() % 1_000_000);
const ROUND_MS = 60_000;

/** Small files that share packs, and large ones that have objects of their own. */
function fill(folder: string, { small, large }: { small: number; large: number }): void {
  mkdirSync(folder, { recursive: true });
  for (let file = 0; file < small; file += 1) writeFileSync(join(folder, `small ${file}`), randomBytes(40));
  for (let file = 0; file < large; file += 1) {
    const bytes = Buffer.alloc(1_100_000);
    randomBytes(16).copy(bytes);
    writeFileSync(join(folder, `large ${file}`), bytes);
  }
}

/** One collection to its end, or to that of the coordinator; whether it came to its own, and how long it took. */
async function collect(farm: Farm): Promise<{ isDone: boolean; tookMs: number }> {
  using client = farm.client();
  const beganAt = performance.now();
  let isDone = false;
  try {
    for await (const { finished } of client.storage.collect()) isDone = finished;
  } catch (error) {
    expect(error).toMatchObject({ code: "unavailable" });
  }
  return { isDone, tookMs: performance.now() - beganAt };
}

async function lostBlobs(farm: Farm): Promise<number | undefined> {
  using client = farm.client();
  let lost: number | undefined;
  for await (const { finished, lostBlobs: found } of client.storage.check({ readData: true }))
    lost = finished ? found : undefined;
  return lost;
}

test(`a collection survives ${ROUNDS} kills, seed ${SEED}`, { timeout: (ROUNDS + 1) * ROUND_MS }, async () => {
  await using farm = await Farm.start({ args: ["--gc-grace-hours", "0"] });
  const spell = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await farm.spell(args, { cwd: farm.folder });
    expect(exitCode, `${args.join(" ")}: ${stderr}`).toBe(0);
    return stdout;
  };
  const [kept, dead, copy] = ["kept", "dead", "copy"].map((name) => join(farm.folder, name)) as [
    string,
    string,
    string,
  ];
  const packs = join(farm.data, "objects", "objects", "packs");
  fill(kept, { small: 100, large: 2 });
  await spell("upload", "kept");
  await collect(farm);
  const keptObjects = readdirSync(packs).length;
  const makeGarbage = async (): Promise<void> => {
    rmSync(dead, { recursive: true, force: true });
    fill(dead, { small: 1_000, large: 12 });
    await spell("upload", "dead");
    await spell("rm", "uploads/dead");
  };
  await makeGarbage();
  const { isDone, tookMs } = await collect(farm);
  expect(isDone).toBe(true);
  for (const [round, part] of fc
    .sample(fc.double({ min: 0, max: 1.1, noNaN: true }), { numRuns: ROUNDS, seed: SEED })
    .entries()) {
    const told = `round ${round}: killed after ${Math.round(part * tookMs)} ms, seed ${SEED}`;
    await makeGarbage();
    const collecting = collect(farm);
    await new Promise((resolve) => setTimeout(resolve, part * tookMs));
    await farm.killAndWait("coordinator");
    await collecting;
    await waitFor("the coordinator", async () => (await farm.spell(["whoami"])).exitCode === 0);
    expect(await lostBlobs(farm), told).toBe(0);
    expect((await collect(farm)).isDone, told).toBe(true);
    expect(readdirSync(packs), told).toHaveLength(keptObjects);
    expect(await lostBlobs(farm), told).toBe(0);
    await spell("cp", "uploads/kept", copy);
    expect(contentsOf(copy), told).toEqual(contentsOf(kept));
    rmSync(copy, { recursive: true });
  }
});
