/** `spell user`: what the operator of a farm does for its users. */
import type { User } from "@spell/sdk";
import type { Command } from "commander";
import { newPassword } from "../new-password.ts";
import { oneLine } from "../output/clean-text.ts";
import { formatAge, formatListing } from "../output/format.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

interface CreateOptions {
  email?: string;
  fullName?: string;
  password?: string;
  json?: boolean;
}

const HELP = `
The operator is the farm's first user. Examples:
  spell user create bob --email bob@example.org
  spell user password bob
`;

/** Adds the command to the program. */
export function registerUser(program: Command): void {
  const user = program
    .command("user")
    .description("Make and list the users of this farm, and give them new passwords. For its operator.")
    .addHelpText("after", HELP);
  user
    .command("create")
    .description("Make a user, who then logs in with spell login --identity NAME.")
    .argument("<name>", "letters, digits, dot, dash and underscore")
    .option("--email <EMAIL>", "default: NAME@localhost")
    .option("--full-name <TEXT>", "for people to read")
    .option("--password <PASSWORD>", "asked for, or read from standard input, when left out")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell user create bob --email bob@example.org\n")
    .action(create);
  user
    .command("list")
    .description("List the users.")
    .option("--json", "print a JSON array")
    .addHelpText("after", "\nExample:\n  spell user list\n")
    .action(list);
  user
    .command("password")
    .description("Give a user a new password. All their sessions end.")
    .argument("<name>", "whose")
    .option("--password <PASSWORD>", "asked for, or read from standard input, when left out")
    .option("--json", "print a JSON object: whose password was set")
    .addHelpText("after", "\nExample:\n  spell user password bob\n")
    .action(password);
}

async function create(userName: string, options: CreateOptions): Promise<void> {
  const { email, fullName, json } = options;
  using client = openClient();
  const secret = await newPassword(options.password, `Password of ${userName}`);
  const user = await client.users.create({ userName, email, fullName, password: secret });
  if (json) {
    terminal.json(userToJson(user));
    return;
  }
  terminal.say("spark", `Made user ${user.userName}.`);
  terminal.line(
    `They log in with: spell login --coordinator ${client.configuration.coordinator} --identity ${user.userName}`,
  );
}

async function list(options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const users = await client.users.list();
  if (options.json) {
    terminal.json(users.map(userToJson));
    return;
  }
  const rows = users.map(({ userName, email, createdAt, lastLoginAt, operator }) => {
    const lastLogin = lastLoginAt === undefined ? "Never" : formatAge(lastLoginAt, new Date());
    return [userName, email, formatAge(createdAt, new Date()), lastLogin, operator ? "operator" : ""].map(oneLine);
  });
  terminal.write(formatListing(["USER NAME", "EMAIL", "CREATED", "LAST LOG IN", "ROLE"], rows));
}

async function password(userName: string, options: { password?: string; json?: boolean }): Promise<void> {
  using client = openClient();
  const secret = await newPassword(options.password, `New password of ${userName}`);
  await client.users.resetPassword({ userName, newPassword: secret });
  if (options.json) terminal.json({ user_name: userName });
  else terminal.line(`The password of ${userName} is set.`);
}

function userToJson({ userName, email, fullName, operator, createdAt, lastLoginAt }: User): Record<string, unknown> {
  return {
    ...{ user_name: userName, email, full_name: fullName, operator },
    ...{ created_at: createdAt.toISOString(), last_logged_in: lastLoginAt?.toISOString() ?? null },
  };
}
