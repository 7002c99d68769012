/** `spell status`: how the farm is: the coordinator, the machines, and what waits. */
import { performance } from "node:perf_hooks";
import { isFinal } from "@spell/domain";
import type { Command } from "commander";
import { agentPlaces, agentState, agentToJson } from "../output/agent-text.ts";
import { oneLine } from "../output/clean-text.ts";
import { formatDescription } from "../output/description.ts";
import { formatAge, formatListing } from "../output/format.ts";
import { isActive } from "../output/run-text.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

const HELP = `
It fails when no coordinator answers. A machine that is silent or away may come back; what ran on it is lost after its lease.

Example:
  spell status --json
`;

/** Adds the command to the program. */
export function registerStatus(program: Command): void {
  program
    .command("status")
    .description("Show how the farm is: its coordinator, its machines, and your runs under way.")
    .option("--json", "print a JSON object")
    .addHelpText("after", HELP)
    .action(status);
}

async function status(options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const { userName } = await client.account.whoAmI();
  // The connection is there by now: this is what a call costs.
  const askedAt = performance.now();
  const agents = await client.account.listAgents();
  const answeredMs = Math.round((performance.now() - askedAt) * 10) / 10;
  const runs = (await client.runs.list({ number: 10_000 })).filter((run) => !isFinal(run.status));
  const running = runs.filter(isActive).length;
  const { coordinator } = client.configuration;
  if (options.json) {
    const counts = { runs_active: running, runs_waiting: runs.length - running };
    terminal.json({
      coordinator,
      answered_ms: answeredMs,
      user_name: userName,
      ...counts,
      agents: agents.map(agentToJson),
    });
    return;
  }
  terminal.write(
    formatDescription([
      ["Coordinator", `${coordinator} (answered in ${answeredMs} ms)`],
      ["User", userName],
      ["Your Runs", `${running} under way, ${runs.length - running} waiting`],
    ]),
  );
  terminal.line();
  const rows = agents.map((agent) => [
    ...[oneLine(agent.name), agentState(agent), agentPlaces(agent)],
    formatAge(new Date(agent.lastSeenAtMs), new Date()),
  ]);
  terminal.write(formatListing(["MACHINE", "STATE", "FREE", "LAST SEEN"], rows));
}
