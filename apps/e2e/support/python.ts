/** Scripts on the Python package, as a user of the farm runs them on their own machine. */
import { join } from "node:path";
import { repositoryRoot, startCommand } from "@spell/testing";
import type { CommandResult } from "@spell/testing";
import type { SpellPlace } from "./spell.ts";

/** Runs a script to its end, logged in as the place is; the environment given comes on top. */
export async function python(
  place: SpellPlace,
  script: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<CommandResult> {
  const env = {
    ...{ HOME: process.env["HOME"], PATH: process.env["PATH"], SPELL_TEST_RUN: process.env["SPELL_TEST_RUN"] },
    ...{ LANG: "C.UTF-8", PYTHONPATH: join(repositoryRoot, "libs/sdk-python"), PYTHONDONTWRITEBYTECODE: "1" },
    SPELL_DIR: place.login,
    ...environment,
  };
  using running = startCommand(join(repositoryRoot, ".venv/bin/python"), ["-"], { cwd: "/", env, input: script });
  return await running.done;
}

/** Python source: `refused(name, call)` prints the name and what the call raised, as a line of JSON. */
export const REFUSED = `
import json
def refused(name, call):
    try:
        call()
    except Exception as error:
        print(json.dumps([name, type(error).__name__, getattr(error, "code", None), str(error)]), flush=True)
    else:
        print(json.dumps([name, "nothing", None, ""]), flush=True)
`;

/** One line of \`refused\`: the exception's class, its stable code, its message. */
export type Refusal = [kind: string, code: string | null, message: string];

/** What \`refused\` printed among these lines, by name. */
export function refusalsIn(output: string): Map<string, Refusal> {
  const lines = output.split("\n").filter((line) => line.startsWith('["'));
  return new Map(
    lines.map((line) => {
      const [name, ...refusal] = JSON.parse(line) as [string, ...Refusal];
      return [name, refusal];
    }),
  );
}
