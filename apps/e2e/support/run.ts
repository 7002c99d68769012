/** A run as a user starts it in a folder, followed to its end. */
import type { Farm } from "./farm.ts";

export interface FollowedRun {
  id: number;
  /** What the program printed, with the lines of the system in front and behind taken off. */
  output: string;
  /** All that `spell run` printed. */
  stdout: string;
}

/** `spell run ARGS` in a folder; throws when the command line itself was refused. */
export async function run(farm: Farm, cwd: string, ...args: string[]): Promise<FollowedRun> {
  const { exitCode, stdout, stderr } = await farm.spell(["run", ...args], { cwd });
  const id = Number(/Casting spell #(\d+)…/.exec(stdout)?.[1]);
  if (exitCode !== 0 || Number.isNaN(id))
    throw new Error(`spell run ${args.join(" ")}: ${exitCode}\n${stderr}${stdout}`);
  const [, after = ""] = stdout.split("✨ Run is running\n");
  const [output = ""] = after.split("✨ Run is saving\n");
  return { id, output, stdout };
}
