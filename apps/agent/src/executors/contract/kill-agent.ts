/** An agent that is killed while its run goes on. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { toolPath, waitFor } from "@spell/testing";
import { expect } from "vitest";
import type { ExecutionSpec, Executor } from "../executor.ts";

/** Starts a run in an agent of its own and kills that with SIGKILL as soon as the command runs. */
export async function startAndKillAgent(
  name: Executor["name"],
  spec: ExecutionSpec,
  options: { byKernel?: boolean } = {},
): Promise<void> {
  const helper = fileURLToPath(new URL("helper.ts", import.meta.url));
  const kept = options.byKernel === false ? "by looking" : "by the kernel";
  const agent = spawn(process.execPath, [helper, name, toolPath("bwrap"), JSON.stringify(spec), kept], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    let said = "";
    agent.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    agent.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await waitFor("the agent to start the run", () => {
      if (agent.exitCode !== null) throw new Error(said);
      return said.includes("started");
    });
  } finally {
    const gone = new Promise((resolve) => agent.once("exit", resolve));
    agent.kill("SIGKILL");
    if (agent.exitCode === null && agent.signalCode === null) await gone;
  }
  expect(existsSync(spec.attemptDir)).toBe(true);
}
