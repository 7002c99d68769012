/** Commands of the former command line that have nothing to act on here: each says so, and what to do instead. */
import type { Command } from "commander";
import { EXIT_ERROR, UsageError } from "../exit-codes.ts";

const CLOUD = `This Spell runs on machines of your own: it has no cloud clusters and no model servers. "spell machine-types" lists what runs may ask for.`;

const SENTENCES: Readonly<Record<string, string>> = {
  jupyter: "This Spell offers no Jupyter workspaces: run a notebook as a script with spell run.",
  server: CLOUD,
  cluster: CLOUD,
  "kube-cluster": CLOUD,
};

/** Adds one of them to the program, with whatever words and options follow it. */
export function registerNotOffered(name: string): (program: Command) => void {
  return (program) => {
    program
      .command(name, { hidden: true })
      .description("not offered here")
      .argument("[words...]")
      .allowUnknownOption()
      .helpOption(false)
      .action(() => {
        throw new UsageError(EXIT_ERROR, SENTENCES[name] ?? `spell ${name} is not offered.`);
      });
  };
}
