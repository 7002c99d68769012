/** What the command line says about runs and logs, as values: works from any machine that `spell` is started on. */
import type { SpellPlace } from "./spell.ts";
import { spell } from "./spell.ts";

export interface RunJson {
  id: number;
  status: string;
  user_exit_code: number | null;
  reason_code: string;
  reason: string;
  machine_type: string;
  run_type: string;
  attempt: number;
  agent: string;
  output_tree: string;
}

export interface LogLine {
  log: string;
  status: string;
  status_event: boolean;
  level: string | null;
}

/** All runs, the oldest first. */
export async function listRuns(place: SpellPlace): Promise<RunJson[]> {
  return JSON.parse(await printed(place, ["ps", "--json", "-n", "1000"])) as RunJson[];
}

export async function readRun(place: SpellPlace, id: number): Promise<RunJson> {
  const run = (await listRuns(place)).find((each) => each.id === id);
  if (run === undefined) throw new Error(`no run ${id}`);
  return run;
}

/** A run's whole log; with `follow` to its end. */
export async function readLog(place: SpellPlace, id: number, options: { follow?: boolean } = {}): Promise<LogLine[]> {
  const text = await printed(place, ["logs", String(id), "--json", ...(options.follow ? ["-f"] : [])]);
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as LogLine]));
}

/** The lines of the user's program, told from the system's as every reader of a log does. */
export function userLines(log: readonly LogLine[]): string[] {
  return log.filter((line) => line.status === "running" && !line.status_event).map((line) => line.log);
}

async function printed(place: SpellPlace, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await spell(place, args);
  if (exitCode !== 0) throw new Error(`spell ${args.join(" ")}: exit code ${exitCode}\n${stderr}`);
  return stdout;
}
