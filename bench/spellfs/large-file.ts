/** One large file: up and down, beside the best client that the store has of its own. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Section } from "../measurement.ts";
import { eachInTurn, keep } from "./alternate.ts";
import type { Samples } from "./alternate.ts";
import type { Carrier } from "./carrier.ts";
import { makeLargeFile } from "./data.ts";
import { reportWork } from "./report.ts";
import type { SpellCarrier } from "./spell-carrier.ts";

const MEBIBYTES = 2_048;
const ROUNDS = 1;
const PERCENT = 80;

/** A driver, and the peers that show what its store can do. */
export interface LargeFileSide {
  ours: SpellCarrier;
  peers: readonly Carrier[];
}

export async function measureLargeFile(bench: Bench, sides: readonly LargeFileSide[]): Promise<Section[]> {
  const up: Samples = new Map();
  const down: Samples = new Map();
  const folder = join(bench.folder, "large");
  const target = join(bench.folder, "fetched");
  const all = [...new Set(sides.flatMap(({ ours, peers }): Carrier[] => [ours, ...peers]))];
  for (let round = 0; round < bench.samples(ROUNDS); round += 1) {
    const place = `large-${round}`;
    await makeLargeFile(folder, bench.samples(MEBIBYTES), place);
    await eachInTurn(all, round, async (carrier) => {
      bench.signal.throwIfAborted();
      keep(up, carrier.name, await carrier.send(folder, place));
      if (carrier.fetch === undefined) return;
      keep(down, carrier.name, await carrier.fetch(place, target));
      await rm(target, { recursive: true });
    });
    await rm(folder, { recursive: true });
  }
  return sides.flatMap(({ ours, peers }) => {
    const names = peers.map(({ name }) => name);
    const own = (samples: Samples): Samples =>
      new Map([...samples].filter(([name]) => name === ours.name || names.includes(name)));
    const beside = { peers: names.filter((name) => !name.startsWith("cp")), percent: PERCENT };
    const judged = { ours: [ours.name], beside };
    return [
      reportWork(`One file of 2 GiB, ${ours.name}: upload`, own(up), judged),
      reportWork(`One file of 2 GiB, ${ours.name}: on a cold agent, until mounted`, own(down), judged),
    ];
  });
}
