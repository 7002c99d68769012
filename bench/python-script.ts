/** A script on a Python package that stays and does one thing each time it is asked, and tells what it took. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { z } from "zod";
import type { PythonClient } from "./python-clients.ts";

/** The same for both packages. Each request is a line, and so is each answer. */
const SCRIPT = `
import json, sys, time
import spell.client
client = spell.client.from_environment()

def launch(command):
    asked = time.perf_counter()
    run = client.runs.new(command=command)
    new_ms = (time.perf_counter() - asked) * 1000
    run.wait_status(*client.runs.FINAL)
    return {"runId": run.id, "newMs": new_ms, "knownAtMs": time.time_ns() / 1e6}

def list_runs(number):
    asked = time.perf_counter()
    runs = client.runs.list(number=number)
    return {"listMs": (time.perf_counter() - asked) * 1000, "count": len(runs)}

for line in sys.stdin:
    name, value = json.loads(line)
    print(json.dumps({"launch": launch, "list": list_runs}[name](value)), flush=True)
`;

const launchedSchema = z.object({ runId: z.number(), newMs: z.number(), knownAtMs: z.number() });
const listedSchema = z.object({ listMs: z.number(), count: z.number() });

export interface PythonScript extends AsyncDisposable {
  /** Launches a run and waits for its end: how long the launch took, and when (Unix time) the waiting was over. */
  launch(command: string): Promise<z.infer<typeof launchedSchema>>;
  list(number: number): Promise<z.infer<typeof listedSchema>>;
}

/** Disposing ends it. */
export function startPythonScript(client: PythonClient, cwd: string, signal: AbortSignal): PythonScript {
  const child = spawn(client.python, ["-c", SCRIPT], { cwd, env: client.environment, signal });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints = (complaints + text).slice(-2_000)));
  // One that has ended, or was never there, is told by the answer that is missing then.
  child.on("error", (error) => (complaints += error.message));
  child.stdin.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (...request: readonly [string, unknown]): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const answer = await answers.next();
    if (answer.done !== true) return JSON.parse(answer.value);
    await closed;
    throw new Error(`the script on the ${client.name} package ended: ${complaints}`);
  };
  return {
    launch: async (command) => launchedSchema.parse(await ask("launch", command)),
    list: async (number) => listedSchema.parse(await ask("list", number)),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await closed;
    },
  };
}
