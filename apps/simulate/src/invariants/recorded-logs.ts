/** The logs of all runs as a new reader is given them once everything is over: from the archive alone, the bus has forgotten all. */
import { hasCode, messageOf } from "@spell/domain";
import { RunServiceClient, callMetadata, channelCredentials, readStream } from "@spell/rpc";
import type { ReadEntry } from "../ledger.ts";
import { COORDINATOR } from "../parts/coordinator.ts";
import { programOf } from "../parts/program.ts";
import type { Scene } from "../simulation.ts";
import type { SimProcess } from "../world/world.ts";
import { asProcess } from "../world/world.ts";
import type { RunRow } from "./record-view.ts";

export async function recordedLogs(scene: Scene, runs: ReadonlyMap<number, RunRow>): Promise<Map<number, ReadEntry[]>> {
  const { world, bus, userHost, ledger } = scene;
  bus.forget();
  const logs = new Map<number, ReadEntry[]>();
  const process: SimProcess = { name: "auditor", host: userHost, alive: true, startedAtMs: world.nowMs, onDeath: [] };
  let left = runs.size;
  asProcess(process, () => {
    const client = new RunServiceClient(COORDINATOR, channelCredentials());
    const read = async (runId: number): Promise<void> => {
      const { word } = programOf(runs.get(runId)?.command ?? "");
      const metadata = callMetadata(`token-of-${word.slice(0, "user-1".length)}`);
      const entries: ReadEntry[] = [];
      logs.set(runId, entries);
      for (let [offset, finished] = [0, false]; !finished;) {
        try {
          const request = { runId, offset, follow: true };
          for await (const part of readStream(client.streamLogs.bind(client), request, { metadata })) {
            ledger.follow(runId, offset, part.entries);
            entries.push(...part.entries.map(({ text, level }) => ({ text, level })));
            [offset, finished] = [part.nextOffset, part.finished];
          }
        } catch (error) {
          // The coordinator may be starting just now.
          if (!hasCode(error, "unavailable")) {
            ledger.seen.push(`the log of run ${runId} cannot be read: ${messageOf(error)}`);
            return;
          }
        }
      }
    };
    for (const runId of runs.keys()) void read(runId).finally(() => (left -= 1));
  });
  while (left > 0 && (await world.step()));
  world.kill(process);
  return logs;
}
