import { describe, expect, it } from "vitest";
import type { AgentCapacity, WaitingRun } from "./placement.ts";
import { waitReason } from "./wait-reason.ts";

function agent(types: Record<string, number>, draining = false): AgentCapacity {
  const machineTypes = Object.entries(types).map(([name, slots]) => ({ name, slots }));
  return { agentId: "a", draining, machineTypes, controlSlots: 1, taken: [] };
}

function run(machineType: string, master = false): WaitingRun {
  return { runId: 7, machineType, master, preferredAgents: [], avoidedAgents: [] };
}

describe("waitReason", () => {
  it.each<[string, WaitingRun, AgentCapacity[], number, string]>([
    ["nobody there", run("CPU"), [], 0, "Waits for an agent: none is connected."],
    ["nobody there, a master", run("CPU", true), [], 3, "Waits for an agent: none is connected."],
    [
      "a type that nobody has",
      run("H100"),
      [agent({ CPU: 4, V100: 1 }), agent({ cpu: 2 })],
      0,
      "Waits for a H100 machine: none is connected (connected: CPU, V100).",
    ],
    [
      "all draining",
      run("CPU"),
      [agent({ CPU: 4 }, true)],
      0,
      "Waits for an agent that takes new runs: all are draining or cordoned.",
    ],
    [
      "nearly full",
      run("CPU"),
      [
        agent({ V100: 4 }),
        agent({ CPU: 4 }, true),
        { ...agent({ CPU: 4 }, true), takesNothing: "its disk is nearly full." },
      ],
      0,
      "Waits for an agent that takes new runs. a does not for now: its disk is nearly full.",
    ],
    [
      "next",
      run("v100"),
      [agent({ V100: 2 }), agent({ v100: 1 })],
      0,
      "Waits for a free V100 slot (3 in all). It is next in line.",
    ],
    ["second", run("CPU"), [agent({ CPU: 1 })], 1, "Waits for a free CPU slot (1 in all). 1 run is ahead of it."],
    ["third", run("CPU"), [agent({ CPU: 1 })], 2, "Waits for a free CPU slot (1 in all). 2 runs are ahead of it."],
    [
      "several slots",
      run("V100x2"),
      [agent({ V100: 2 }), agent({ V100: 1 })],
      0,
      "Waits for 2 free V100 slots on one machine (3 in all). It is next in line.",
    ],
    [
      "more slots than any machine has",
      run("V100x8"),
      [agent({ V100: 4 }), agent({ v100: 6 })],
      0,
      "Waits for a machine with 8 V100 slots: none is connected (the largest has 6).",
    ],
    ["a master", run("CPU", true), [agent({ V100: 1 })], 0, "Waits for a control slot. It is next in line."],
  ])("%s", (_name, waiting, agents, ahead, sentence) => {
    expect(waitReason(waiting, agents, ahead)).toBe(sentence);
  });
});
