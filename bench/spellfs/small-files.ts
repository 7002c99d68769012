/** Many small files: brought to the store at first, again without a change, after a change, and to a machine without them. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Section } from "../measurement.ts";
import { timeProcess } from "../time-process.ts";
import { eachInTurn, keep } from "./alternate.ts";
import type { Samples } from "./alternate.ts";
import type { Carrier } from "./carrier.ts";
import { changeFile, makeFiles } from "./data.ts";
import type { FileSet } from "./data.ts";
import { reportWork } from "./report.ts";
import type { SpellCarrier } from "./spell-carrier.ts";

const ROUNDS = 2;
/** A process that is started for it, above one that runs already. */
const COLD_MS = 250;
/** A copy of each object takes a bucket so long that one round of many has to do. */
const SLOW = "rclone to MinIO";

export interface SmallFiles {
  title: string;
  files: FileSet;
  bars: { firstMs: number; unchangedMs: number; changedMs?: number };
  /** Also from processes of the command line, and to a machine without them. */
  whole: boolean;
}

interface Measured {
  first: Samples;
  unchanged: Samples;
  changed: Samples;
  cold: Samples;
  coldAgain: Samples;
  mounted: Samples;
}

export async function measureSmallFiles(
  bench: Bench,
  { ours, peers }: { ours: readonly SpellCarrier[]; peers: readonly Carrier[] },
  work: SmallFiles,
): Promise<Section[]> {
  const measured: Measured = {
    ...{ first: new Map(), unchanged: new Map(), changed: new Map() },
    ...{ cold: new Map(), coldAgain: new Map(), mounted: new Map() },
  };
  const files = { ...work.files, count: bench.samples(work.files.count) };
  for (let round = 0; round < bench.samples(ROUNDS); round += 1) {
    const folder = join(bench.folder, "files");
    const seed = `${work.title} ${round}`;
    await makeFiles(folder, files, seed);
    const all = [...ours, ...peers.filter(({ name }) => round === 0 || !work.whole || name !== SLOW)];
    await sendInTurn(bench, { all, folder, files, round, measured, work });
    await rm(folder, { recursive: true });
    if (!work.whole) continue;
    await makeFiles(folder, files, `${seed} cold`);
    await eachInTurn(ours, round, (carrier) => sendCold(bench, { carrier: carrier as SpellCarrier, folder, measured }));
    await rm(folder, { recursive: true });
  }
  return sections(
    work,
    measured,
    ours.map(({ name }) => name),
  );
}

async function sendInTurn(
  bench: Bench,
  given: {
    all: readonly Carrier[];
    folder: string;
    files: FileSet;
    round: number;
    measured: Measured;
    work: SmallFiles;
  },
): Promise<void> {
  const { all, folder, files, round, measured, work } = given;
  const place = `${files.count}-${round}`;
  const send = (samples: Samples) => async (carrier: Carrier) => {
    bench.signal.throwIfAborted();
    keep(samples, carrier.name, await carrier.send(folder, place));
  };
  await eachInTurn(all, round, send(measured.first));
  await eachInTurn(all, round, send(measured.unchanged));
  if (work.bars.changedMs !== undefined) {
    changeFile(folder, files, `changed ${round}`);
    await eachInTurn(all, round, send(measured.changed));
  }
  if (!work.whole) return;
  await eachInTurn(all, round, async (carrier) => {
    if (carrier.fetch === undefined) return;
    const target = join(bench.folder, "fetched");
    keep(measured.mounted, carrier.name, await carrier.fetch(place, target));
    await rm(target, { recursive: true });
  });
}

/** `spell upload` as a person types it, twice. */
async function sendCold(
  { folder: own, signal }: Bench,
  { carrier, folder, measured }: { carrier: SpellCarrier; folder: string; measured: Measured },
): Promise<void> {
  const { program, environment } = carrier.farm;
  const env = { ...environment, XDG_CACHE_HOME: join(own, `cache of ${carrier.name}`) };
  const name = `cold-${performance.now().toFixed(0)}`;
  for (const samples of [measured.cold, measured.coldAgain]) {
    const ms = await timeProcess(program, ["upload", folder, "--name", name], { cwd: own, env, signal });
    keep(samples, carrier.name, { ms });
  }
}

function sections({ title, files, bars, whole }: SmallFiles, measured: Measured, ours: readonly string[]): Section[] {
  const changedBytes = 64_000 + files.bytesEach;
  const small = [
    reportWork(`${title}: first`, measured.first, { ours, barMs: bars.firstMs }),
    reportWork(`${title}: unchanged`, measured.unchanged, { ours, barMs: bars.unchangedMs, sentBytes: 4_000 }),
  ];
  if (bars.changedMs !== undefined) {
    const judged = { ours, barMs: bars.changedMs, sentBytes: changedBytes };
    small.push(reportWork(`${title}: one changed`, measured.changed, judged));
  }
  if (!whole) return small;
  const rivals = { peers: ["rsync daemon", "restic to a REST server"], percent: 100 };
  return [
    ...small,
    coldSection(`${title}: first, spell upload`, { cold: measured.cold, warm: measured.first, ours }),
    coldSection(`${title}: unchanged, spell upload`, { cold: measured.coldAgain, warm: measured.unchanged, ours }),
    reportWork(`${title}: on a cold agent, until mounted`, measured.mounted, { ours, beside: rivals }),
  ];
}

/** What the command takes above the same work in a process that runs already. */
function coldSection(title: string, given: { cold: Samples; warm: Samples; ours: readonly string[] }): Section {
  const { cold, warm, ours } = given;
  const above: Samples = new Map();
  for (const name of ours) {
    for (const [round, { ms }] of (cold.get(name) ?? []).entries()) {
      keep(above, `${name}, above the warm process`, { ms: ms - (warm.get(name)?.[round]?.ms ?? Number.NaN) });
      keep(above, name, { ms });
    }
  }
  return reportWork(title, above, { ours: ours.map((name) => `${name}, above the warm process`), barMs: COLD_MS });
}
