/** `spell workflow`: what is done with workflows that exist. */
import type { SpellClient } from "@spell/sdk";
import type { Command } from "commander";
import { addCommandFile } from "../command-file.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

interface Deed {
  name: string;
  summary: string;
  /** As in "Stopping workflow 3." */
  doing: string;
  act: (client: SpellClient, id: number) => Promise<void>;
}

const DEEDS: readonly Deed[] = [
  {
    ...{ name: "stop", summary: "stop all its runs and keep their outputs", doing: "Stopping" },
    act: (client, id) => client.workflows.stop(id),
  },
  {
    ...{ name: "kill", summary: "end all its runs at once, saving nothing", doing: "Killing" },
    act: (client, id) => client.workflows.kill(id),
  },
  {
    ...{ name: "rm", summary: "archive it with all its runs: they are listed no more", doing: "Archiving" },
    act: (client, id) => client.workflows.archive(id),
  },
];

/** Adds the sub-commands. */
export function registerWorkflowCommands(group: Command): void {
  for (const { name, summary, doing, act } of DEEDS) {
    const command = group
      .command(name)
      .description(summary)
      .argument("<id>", "number of the workflow")
      .option("--json", "print a JSON object");
    addCommandFile(command)
      .addHelpText("after", `\nExample:\n  spell workflow ${name} 3\n`)
      .action(async (word: string, { json = false }: { json?: boolean }) => {
        const id = parseId(word);
        using client = openClient();
        await act(client, id);
        if (json) terminal.json({ id, action: name });
        else terminal.line(`${doing} workflow ${id}.`);
      });
  }
}
