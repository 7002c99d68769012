/** `spell feedback`: words for whoever runs the farm. There is no company to send them to. */
import type { Command } from "commander";
import { usageError } from "../exit-codes.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

const HELP = `
It goes to the log of your coordinator, and nowhere else. Without words they are read from standard input. Examples:
  spell feedback the V100 machine is always busy
  git diff | spell feedback
`;

/** Adds the command to the program. */
export function registerFeedback(program: Command): void {
  program
    .command("feedback")
    .description("Leave words for whoever runs this farm, in its coordinator's log.")
    .argument("[message...]", "what to say")
    .option("--json", "print a JSON object: what was left, and where")
    .addHelpText("after", HELP)
    .action(feedback);
}

async function feedback(words: string[], options: { json?: boolean }): Promise<void> {
  const message = words.length > 0 ? words.join(" ") : await fromInput();
  using client = openClient();
  await client.account.sendFeedback(message);
  const { coordinator } = client.configuration;
  if (options.json) terminal.json({ message, coordinator });
  else terminal.line("Thank you. Whoever runs this farm finds it in the coordinator's log.");
}

async function fromInput(): Promise<string> {
  const nothing = usageError('Say something: spell feedback "the V100 machine is always busy".');
  if (process.stdin.isTTY) throw nothing;
  const text = (await process.stdin.setEncoding("utf8").toArray()).join("").trim();
  if (text === "") throw nothing;
  return text;
}
