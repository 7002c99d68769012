/** `spell agent ls`, `cordon`, `uncordon`, `drain` and `remove`: the machines of the farm, for its operator. */
import { setTimeout as delay } from "node:timers/promises";
import type { Agent, Placement, SpellClient } from "@spell/sdk";
import type { Command } from "commander";
import { confirm } from "../confirm.ts";
import { agentPlaces, agentState, agentToJson } from "../output/agent-text.ts";
import { oneLine } from "../output/clean-text.ts";
import { formatAge, formatListing } from "../output/format.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

const NAME = "its name or id, as spell agent ls shows them";
const LOOK_EVERY_MS = 500;

interface JsonOption {
  json?: boolean;
}

/** Adds the commands to `spell agent`. */
export function registerSteering(agent: Command): void {
  agent
    .command("ls")
    .description("List the machines of the farm: how each is, what it has, and what is free on it.")
    .option("--json", "print a JSON array")
    .addHelpText("after", "\nExample:\n  spell agent ls\n")
    .action(list);
  agent
    .command("cordon")
    .description("Give an agent nothing new until spell agent uncordon; what runs on it goes on.")
    .argument("<agent>", NAME)
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell agent cordon gpu-box-3\n")
    .action((name: string, options: JsonOption) => place(name, "cordoned", options));
  agent
    .command("uncordon")
    .description("Give an agent runs again.")
    .argument("<agent>", NAME)
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell agent uncordon gpu-box-3\n")
    .action((name: string, options: JsonOption) => place(name, "open", options));
  agent
    .command("drain")
    .description("Give an agent nothing new, and wait until its last run has ended. ^C ends the waiting alone.")
    .argument("<agent>", NAME)
    .option("--no-wait", "return at once")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nIt takes runs again after spell agent uncordon. Example:\n  spell agent drain gpu-box-3\n")
    .action(drain);
  agent
    .command("remove")
    .description(
      "Take an agent out of the farm at once: its runs are interrupted, and its credential is of no use any more.",
    )
    .argument("<agent>", NAME)
    .option("-f, --force", "do not ask")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nTo lose no run, drain it first. Example:\n  spell agent remove gpu-box-3\n")
    .action(remove);
}

async function list({ json }: JsonOption): Promise<void> {
  using client = openClient();
  const agents = await client.account.listAgents();
  if (json) {
    terminal.json(agents.map(agentToJson));
    return;
  }
  const rows = agents.map((agent) => [
    ...[oneLine(agent.name), agentState(agent), String(agent.runs), agentPlaces(agent)],
    ...[formatAge(new Date(agent.lastSeenAtMs), new Date()), agent.id],
  ]);
  terminal.write(formatListing(["NAME", "STATE", "RUNS", "FREE", "LAST SEEN", "ID"], rows));
}

async function place(name: string, placement: Placement, { json }: JsonOption): Promise<void> {
  using client = openClient();
  await client.account.placeAgent(name, placement);
  if (json) terminal.json(agentToJson(await find(client, name)));
  else if (placement === "open") terminal.line(`${oneLine(name)} takes runs again.`);
  else terminal.line(`${oneLine(name)} is given nothing new; what runs on it goes on.`);
}

async function drain(name: string, { wait, json }: JsonOption & { wait: boolean }): Promise<void> {
  using client = openClient();
  await client.account.placeAgent(name, "draining");
  let agent = await find(client, name);
  if (!json && agent.runs > 0) terminal.line(`${oneLine(name)} is given nothing new; ${count(agent.runs)} left on it.`);
  while (wait && agent.runs > 0) {
    await delay(LOOK_EVERY_MS);
    agent = await find(client, name);
  }
  if (json) terminal.json(agentToJson(agent));
  else if (agent.runs === 0) terminal.line(`${oneLine(name)} is drained: nothing runs on it.`);
}

async function remove(name: string, { force, json }: JsonOption & { force?: boolean }): Promise<void> {
  using client = openClient();
  const agent = (await client.account.listAgents()).find((each) => isCalled(each, name));
  const lost = agent === undefined || agent.runs === 0 ? "" : ` ${count(agent.runs)} on it will be interrupted.`;
  if (!force && !(await confirm(`Remove ${oneLine(name)} from the farm?${lost}`))) return;
  const removed = await client.account.removeAgent(name);
  if (json) terminal.json(removed);
  else terminal.line(`Removed ${oneLine(removed.name)} from the farm; ${count(removed.runs)} interrupted.`);
}

/** As it is after a call that found it. */
async function find(client: SpellClient, name: string): Promise<Agent> {
  const found = (await client.account.listAgents()).find((agent) => isCalled(agent, name));
  if (found === undefined) throw new Error(`agent ${name} was removed meanwhile`);
  return found;
}

function isCalled({ id, name }: Agent, asked: string): boolean {
  return asked === id || asked === name;
}

function count(runs: number): string {
  return runs === 1 ? "1 run" : `${runs} runs`;
}
