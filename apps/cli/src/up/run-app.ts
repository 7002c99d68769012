/** Runs one of the long-lived programs in the foreground, as its own process. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { UsageError } from "../exit-codes.ts";
import { environment } from "../config.ts";
import { terminal } from "../output/terminal.ts";
import { appArguments, appEnvironment } from "./programs.ts";

/** Resolves when it has ended well; throws with its exit code otherwise. Signals are passed on. */
export async function runApp(
  app: "coordinator" | "agent",
  words: readonly string[],
  onReady: (ready: Record<string, unknown>) => void,
): Promise<void> {
  const child = spawn(process.execPath, [...appArguments(app), ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
    env: { ...environment, ...appEnvironment() },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => child.kill(signal === "SIGHUP" ? "SIGTERM" : signal));
  }
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith('{"ready":true')) onReady(JSON.parse(line) as Record<string, unknown>);
    else terminal.line(line);
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (...how) => resolve(how));
  });
  if (code !== 0) throw new UsageError(code ?? 1, `The ${app} ended with ${signal ?? `exit code ${code}`}.`);
}
