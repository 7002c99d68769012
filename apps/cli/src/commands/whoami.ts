/** `spell whoami`: who is logged in, and where. */
import type { Command } from "commander";
import { oneLine } from "../output/clean-text.ts";
import { formatAge, formatListing } from "../output/format.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

interface WhoAmIOptions {
  raw?: boolean;
  json?: boolean;
}

/** Adds the command to the program. */
export function registerWhoAmI(program: Command): void {
  program
    .command("whoami")
    .alias("me")
    .description("Show who is logged in.")
    .option("--raw", "a line for each fact: its name, a comma, its value")
    .option("--json", "print a JSON object, with the coordinator's address")
    .addHelpText("after", "\nExample:\n  spell whoami --json\n")
    .action(whoAmI);
}

async function whoAmI(options: WhoAmIOptions): Promise<void> {
  using client = openClient();
  const user = await client.account.whoAmI();
  const { userName, email, fullName, operator, hasPassword, createdAt, lastLoginAt } = user;
  if (options.json) {
    terminal.json({
      ...{ user_name: userName, email, full_name: fullName, operator, has_password: hasPassword },
      ...{ created_at: createdAt.toISOString(), last_logged_in: lastLoginAt?.toISOString() ?? null },
      coordinator: client.configuration.coordinator,
    });
    return;
  }
  if (options.raw) {
    const facts: [string, string][] = [
      ["email", email],
      ["user_name", userName],
      ["full_name", fullName],
      ["created_at", rawTime(createdAt)],
      ["updated_at", rawTime(createdAt)],
      // Who could act for other owners: nobody can.
      ["is_admin", "False"],
      ["last_logged_in", lastLoginAt === undefined ? "None" : rawTime(lastLoginAt)],
      ["memberships", "None"],
    ];
    for (const [name, value] of facts) terminal.line(`${name},${oneLine(value)}`);
    return;
  }
  const lastLogin = lastLoginAt === undefined ? "Never" : formatAge(lastLoginAt, new Date());
  const row = [userName, email, formatAge(createdAt, new Date()), lastLogin].map(oneLine);
  terminal.write(formatListing(["USER NAME", "EMAIL", "CREATED", "LAST LOG IN"], [row]));
}

/** As Python prints a time in UTC, which is what scripts have parsed: `2024-01-31 12:34:56.123000+00:00`. */
function rawTime(instant: Date): string {
  return instant
    .toISOString()
    .replace("T", " ")
    .replace(/\.(\d{3})Z$/, ".$1000+00:00");
}
