/**
 * A scenario is played twice, by the historical client and by ours. What both must do is asserted in it; whatever else differs
 * in what they print must stand in the table of docs/compatibility.md.
 */
import type { CommandResult } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FarmOptions } from "../../support/farm.ts";
import { CALLS, missingCalls } from "./calls.ts";
import { finished, missingHistorical, startClients } from "./clients.ts";
import type { Call, Client, Clients } from "./clients.ts";
import { deviationsBetween } from "./deviations.ts";
import type { Step } from "./deviations.ts";
import { normalise } from "./normalise.ts";
import { listedDeviations, tableLine } from "./table.ts";

/** A client at work in a scenario: what it prints is noted under the step's name. */
export interface Player {
  readonly client: Client;
  readonly isHistorical: boolean;
  /** The command line. */
  cli: (step: string, args: readonly string[], call?: Call) => Promise<CommandResult>;
  /** A script on the Python package. */
  python: (step: string, script: string, call?: Call) => Promise<CommandResult>;
  /** Notes what something printed that the scenario started itself. */
  note: (step: string, result: CommandResult) => void;
}

export interface Area {
  scenario: (name: string, play: (player: Player) => Promise<void>, options?: { timeoutMs?: number }) => void;
  clients: () => Clients;
}

export interface AreaOptions {
  farm?: FarmOptions | ((folder: string) => FarmOptions);
}

/** One file's scenarios, on one pair of farms. */
export function area(name: string, options: AreaOptions, define: (area: Area) => void): void {
  describe.skipIf(missingHistorical !== undefined)(`the historical client and ours: ${name}`, () => {
    let clients: Clients | undefined;
    const get = (): Clients => {
      if (clients === undefined) throw new Error("the farms are not up");
      return clients;
    };
    beforeAll(async () => {
      clients = await startClients(options.farm);
    });
    afterAll(() => clients?.[Symbol.asyncDispose]());

    define({
      clients: get,
      scenario: (title, play, { timeoutMs } = {}) => {
        it(title, { timeout: timeoutMs ?? 90_000 }, async () => playTwice(`${name}: ${title}`, get(), play));
      },
    });

    it("asked every call of the area, and nobody outside this machine", () => {
      expect(missingCalls(CALLS[name] ?? [], get().tap.requests())).toEqual([]);
      expect(get().tripwire.attempts()).toEqual([]);
    });
  });
}

async function playTwice(name: string, clients: Clients, play: (player: Player) => Promise<void>): Promise<void> {
  // Both to their end: what one began must not reach into the next scenario.
  const played = await Promise.allSettled(
    [clients.historical, clients.ours].map(async (client) => {
      const steps: Step[] = [];
      try {
        await play(makePlayer(client, steps));
      } catch (error) {
        throw new Error(`${client.name} client: ${String(error)}\n${described(steps)}`, { cause: error });
      }
      return steps;
    }),
  );
  const [historical = [], ours = []] = played.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
  const deviations = deviationsBetween(historical, ours).map((each) => ({ scenario: name, ...each }));
  const { unlisted, unfounded } = listedDeviations(name, deviations);
  const complaint = [
    ...unlisted.map((each) => `not in the table:  ${tableLine(each)}`),
    ...unfounded.map((each) => `in the table, and did not happen:  ${tableLine(each)}`),
  ];
  expect(complaint.join("\n")).toBe("");
}

function makePlayer(client: Client, steps: Step[]): Player {
  const note = (step: string, { exitCode, stdout, stderr }: CommandResult): void => {
    const clean = (text: string): string => normalise(text, client);
    steps.push({ step, exitCode, stdout: clean(stdout), stderr: clean(stderr) });
  };
  const noted = async (step: string, command: Promise<CommandResult>): Promise<CommandResult> => {
    const result = await command;
    note(step, result);
    return result;
  };
  return {
    client,
    isHistorical: client.name === "historical",
    note,
    cli: (step, args, call) => noted(step, finished(client.start(args, call))),
    python: (step, script, call) => noted(step, finished(client.startPython(script, call))),
  };
}

function described(steps: readonly Step[]): string {
  const { step, exitCode, stdout, stderr } = steps.at(-1) ?? { step: "none", exitCode: 0, stdout: "", stderr: "" };
  return `last step: ${step} (${exitCode})\n${stdout}${stderr}`;
}
