/** How long `spell` itself takes: the whole process, from its start to its exit. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Figure } from "./figure.ts";
import { atMost, comparedWith, durations, figureTable } from "./figure.ts";
import type { Bench, Section } from "./measurement.ts";
import { untilComplete } from "./runs.ts";
import { timeProcess } from "./time-process.ts";

/** In turn: `spell ps`, `spell run -b true` and a Node that does nothing. */
export async function measureCommands(bench: Bench): Promise<Section[]> {
  const { farm, signal } = bench;
  const project = join(bench.folder, "project");
  await mkdir(project, { recursive: true });
  for (const name of ["train.py", "data.txt"]) await writeFile(join(project, name), `${name}\n`);
  const times = { ps: [] as number[], run: [] as number[], node: [] as number[] };
  const timed = (program: string, words: readonly string[]): Promise<number> =>
    timeProcess(program, words, { cwd: project, env: farm.environment, signal });
  // The first time compiles and sends the code.
  for (let count = bench.samples(20) + 1; count > 0; count -= 1) {
    times.ps.push(await timed(farm.program, ["ps"]));
    times.run.push(await timed(farm.program, ["run", "-b", "true"]));
    const [newest] = await farm.client.runs.list({ number: 1, signal });
    if (newest !== undefined) await untilComplete(newest, signal);
    times.node.push(await timed(process.execPath, ["-e", "0"]));
  }
  const reference = later("  a Node that does nothing", times.node);
  const ps = comparedWith(later("spell ps", times.ps), reference, "node");
  const figures = [
    { ...ps, bar: atMost(ps, { p50: 200 }) },
    comparedWith(later("spell run -b true", times.run), reference, "node"),
    reference,
  ];
  return [{ title: "Commands", lines: figureTable(figures), figures }];
}

function later(name: string, [, ...values]: readonly number[]): Figure {
  return durations(name, values);
}
