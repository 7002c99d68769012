/** A chain of three runs, each of which mounts the file that the one before it wrote. */
import { BareSandbox } from "./bare-sandbox.ts";
import { atMost, comparedWith, durations, figureTable } from "./figure.ts";
import type { Bench, Section } from "./measurement.ts";
import { linesOf, runToItsEnd, warmUp } from "./runs.ts";

const FIRST = "echo x > f";
const SECOND = "cp f g";
const THIRD = "cat g; cp g h";

/** Each chain of the farm is followed by the same three sandboxes without Spell. */
export async function measureChain(bench: Bench): Promise<Section[]> {
  const bare = new BareSandbox(bench.farm, bench.folder);
  const chains: number[] = [];
  const bareChains: number[] = [];
  await warmUp(bench);
  for (let count = bench.samples(40); count > 0; count -= 1) {
    bench.signal.throwIfAborted();
    chains.push(await sampleChain(bench));
    bareChains.push(await sampleBareChain(bare));
  }
  const reference = durations("  the same three sandboxes directly", bareChains);
  const chain = comparedWith(durations("chain of three runs", chains), reference, "bare");
  const figures = [{ ...chain, bar: atMost(chain, { p50: 100 }), goal: atMost(chain, { p50: 40 }) }, reference];
  return [{ title: "Chain", lines: figureTable(figures), figures }];
}

async function sampleChain(bench: Bench): Promise<number> {
  const startedAt = performance.now();
  const first = await runToItsEnd(bench, { command: FIRST });
  const second = await runToItsEnd(bench, { command: SECOND, mounts: { [`runs/${first.id}/f`]: "f" } });
  const third = await runToItsEnd(bench, { command: THIRD, mounts: { [`runs/${second.id}/g`]: "g" } });
  const tookMs = performance.now() - startedAt;
  checkOutput((await linesOf(third, bench.signal)).join("\n"));
  return tookMs;
}

async function sampleBareChain(bare: BareSandbox): Promise<number> {
  const startedAt = performance.now();
  const first = await bare.run(FIRST);
  const second = await bare.run(SECOND, [fileAt("/spell/f", first.writtenFile)]);
  const third = await bare.run(THIRD, [fileAt("/spell/g", second.writtenFile)]);
  for (const each of [first, second, third]) await each.dispose();
  checkOutput(third.output.trimEnd());
  return third.endedAt - startedAt;
}

function fileAt(path: string, source: string | undefined): { path: string; isFile: boolean; source: string } {
  if (source === undefined) throw new Error("the bare sandbox wrote no file");
  return { path, isFile: true, source };
}

function checkOutput(output: string): void {
  if (output !== "x") throw new Error(`the last run of the chain found "${output}" where the first had written "x"`);
}
