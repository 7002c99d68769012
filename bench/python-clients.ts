/**
 * The historical client as it was published and ours, both logged in at one farm, so that what is measured differs in the
 * client alone. Neither reaches anything but this machine.
 */
import { cpSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { configurationPath } from "@spell/sdk";
import { repositoryRoot } from "@spell/testing";
import { commonEnvironment, historicalBin, missingHistorical, systemPath } from "../apps/e2e/compat/support/clients.ts";
import { openTripwire } from "../apps/e2e/compat/support/tap.ts";
import type { Farm } from "./farm.ts";
import { apiOf } from "./api.ts";

export interface PythonClient {
  name: "ours" | "historical";
  environment: NodeJS.ProcessEnv;
  python: string;
  /** The command line: the program and its first words. */
  spell: readonly [program: string, ...words: string[]];
}

export interface PythonClients extends AsyncDisposable {
  ours: PythonClient;
  /** Undefined where it is not set up. */
  historical?: PythonClient;
  /** For the end of a table: why the historical client is not in it. */
  remarks: string[];
}

/** Disposing throws when one of them wanted to leave this machine. `folder` is theirs. */
export async function preparePythonClients(farm: Farm, folder: string): Promise<PythonClients> {
  const tripwire = await openTripwire();
  const { PYTHONDONTWRITEBYTECODE: _, ...common } = commonEnvironment(folder, tripwire);
  // As after an installation, both find their modules compiled; ours is used from its sources, which stay as they are.
  const shared = { ...common, PYTHONPYCACHEPREFIX: join(folder, "compiled") };
  const login = join(folder, "login");
  mkdirSync(login);
  cpSync(configurationPath(farm.environment), join(login, "config"));
  const ours = (): PythonClient => {
    const bin = join(repositoryRoot, ".venv", "bin");
    const own = { PATH: pathOf(bin), PYTHONPATH: join(repositoryRoot, "libs", "sdk-python"), SPELL_DIR: login };
    return { name: "ours", environment: { ...shared, ...own }, python: join(bin, "python"), spell: [farm.program] };
  };
  const historical = (): PythonClient => {
    const { url } = apiOf(farm);
    const own = { PATH: pathOf(historicalBin), SPELL_DIR: login, SPELL_API_URL: url, SPELL_BASE_URL: url };
    return {
      name: "historical",
      environment: { ...shared, ...own, SPELL_QUIET: "1" },
      python: join(historicalBin, "python"),
      spell: [join(historicalBin, "spell"), "--spell-dir", login],
    };
  };
  const isThere = missingHistorical === undefined;
  return {
    ours: ours(),
    historical: isThere ? historical() : undefined,
    remarks: isThere ? [] : [`Without the historical client: ${missingHistorical}.`],
    [Symbol.asyncDispose]: async () => {
      await tripwire[Symbol.asyncDispose]();
      const [attempt] = tripwire.attempts();
      if (attempt !== undefined) throw new Error(`a client wanted to leave this machine: ${attempt}`);
    },
  };
}

function pathOf(bin: string): string {
  return [bin, ...systemPath].join(delimiter);
}
