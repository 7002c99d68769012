/** A farm to measure: `spell up` as a user starts it, on free ports, with a folder and a login of its own. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SpellClient, loadConfiguration } from "@spell/sdk";
import { repositoryRoot } from "@spell/testing";
import type { SpellUp } from "../tools/farm/spell-up.ts";
import { startSpellUp } from "../tools/farm/spell-up.ts";

export interface Farm extends SpellUp {
  client: SpellClient;
  /** Path of the `spell` program. */
  program: string;
  /** The environment in which `spell` talks to this farm. */
  environment: NodeJS.ProcessEnv;
  dataFolder: string;
}

/** Free ports: a farm of the user's may have the usual ones. */
const PORTS = ["--grpc-port", "0", "--http-port", "0", "--nats-port", "0"];
/** What would make `spell` talk to the farm that the user works with otherwise. */
const LOGIN_VARIABLES =
  /^SPELL_(TOKEN|OWNER|COORDINATOR|API_URL|BASE_URL|WORKFLOW_ID|EXECUTOR|CPU_SLOTS|CONTROL_SLOTS)$/;

/** Starts one below `folder`, which it makes, with further environment, and waits until it is ready; disposing ends it with the runs it still has. */
export async function startFarm(
  folder: string,
  flags: readonly string[],
  signal: AbortSignal,
  extra: NodeJS.ProcessEnv = {},
): Promise<Farm> {
  const dataFolder = join(folder, "data");
  const program = join(repositoryRoot, "apps", "cli", "bin", "spell");
  const own = Object.entries(process.env).filter(([name]) => !LOGIN_VARIABLES.test(name));
  const environment = { ...Object.fromEntries(own), SPELL_DIR: join(folder, "login"), ...extra };
  await mkdir(folder, { recursive: true });
  const flagsHere = [...PORTS, ...flags];
  const up = await startSpellUp({ program, dataFolder, flags: flagsHere, cwd: folder, env: environment, signal });
  const client = new SpellClient(loadConfiguration(environment));
  const dispose = async (): Promise<void> => {
    client.close();
    await up[Symbol.asyncDispose]();
  };
  return { ...up, client, program, environment, dataFolder, [Symbol.asyncDispose]: dispose };
}
