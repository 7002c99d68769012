/** How long a whole process takes, from its start to its exit. */
import { spawn } from "node:child_process";

/** In milliseconds. Throws when it ends otherwise than with exit code 0. */
export function timeProcess(
  program: string,
  words: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(program, words, { ...options, stdio: "ignore" });
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve(performance.now() - startedAt);
      else reject(new Error(`${program} ${words.join(" ")} ended with ${code}`));
    });
  });
}
