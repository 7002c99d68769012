/** `spell machine-types`: what runs may ask for. */
import type { Command } from "commander";
import { formatListing } from "../output/format.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

/** Adds the command to the program. */
export function registerMachineTypes(program: Command): void {
  program
    .command("machine-types")
    .description("List the machine types that runs may ask for, with the runs that fit at once and the free places.")
    .option("--json", "print a JSON array")
    .addHelpText("after", "\nExample:\n  spell machine-types\n")
    .action(machineTypes);
}

async function machineTypes(options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const types = await client.account.listMachineTypes();
  if (options.json) {
    terminal.json(types.map(({ name, slots, freeSlots }) => ({ name, slots, free_slots: freeSlots })));
    return;
  }
  const rows = types.map(({ name, slots, freeSlots }) => [name, String(slots), String(freeSlots)]);
  terminal.write(formatListing(["NAME", "SLOTS", "FREE"], rows));
}
