/** Loads the product into this process with the parts of Node.js and gRPC replaced that would lead out of a simulated world. */
import type { PlantedBug } from "./planted/planted-bug.ts";
import type { Verdict } from "./simulation.ts";
import { fsModule, promisesModule } from "./world/async-files.ts";
import { installClock } from "./world/clock.ts";
import { sqliteModule } from "./world/database.ts";
import { grpcModule } from "./world/grpc.ts";
import { cryptoModule, timersModule, zlibModule } from "./world/node-modules.ts";
import { installSubstitutes } from "./world/substitutes.ts";

/** Lives through the history of one seed. */
export type Simulate = (seed: number, options: { keepHistory: boolean }) => Promise<Verdict>;

/** Once per process: a planted bug stays. */
export async function loadSimulation(bug?: PlantedBug): Promise<Simulate> {
  installSubstitutes(
    {
      "node:fs": fsModule,
      "node:fs/promises": promisesModule,
      "node:timers/promises": timersModule,
      "node:crypto": cryptoModule,
      "node:zlib": zlibModule,
      "node:sqlite": sqliteModule,
      "@grpc/grpc-js": grpcModule,
    },
    bug,
  );
  // Not before the modules are replaced.
  const { simulate } = await import("./simulation.ts");
  installClock();
  return simulate;
}
