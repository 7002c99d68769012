/** `spell curl`: `curl` on the HTTP API, with the login of the user. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfiguration } from "@spell/sdk";
import type { Command } from "commander";
import { apiUrl } from "../api-url.ts";
import { environment } from "../config.ts";
import { argumentError, exitWith, usageError } from "../exit-codes.ts";
import { terminal } from "../output/terminal.ts";

const HELP = `
Words that begin with /v1/ are paths of the API, all others go to curl as they are. /v1/openapi.json describes the API.
The exit code is curl's. Examples:
  spell curl /v1/users/me
  spell curl -s /v1/runs/ann/12 | jq .run.status
`;

/** Adds the command to the program. */
export function registerCurl(program: Command): void {
  program
    .command("curl")
    .description("Ask the HTTP API with curl, as yourself.")
    .argument("<words...>", "a path that begins with /v1/, and options of curl")
    .allowUnknownOption()
    .passThroughOptions()
    .addHelpText("after", HELP)
    .action(curl);
}

async function curl(words: string[]): Promise<void> {
  if (!words.some(isPath)) throw usageError("Give a path that begins with /v1/, such as /v1/users/me.");
  const elsewhere = words.find((word) => /^https?:/i.test(word));
  if (elsewhere !== undefined) {
    throw argumentError(`"${elsewhere}": your token is for this farm alone. Give a path that begins with /v1/.`);
  }
  const { token } = loadConfiguration(environment);
  const api = await apiUrl();
  await terminal.flush();
  exitWith(
    await runCurl(
      words.map((word) => (isPath(word) ? `${api}${word}` : word)),
      token,
    ),
  );
}

function isPath(word: string): boolean {
  return word.startsWith("/v1/");
}

/** Gives its exit code. The token is in a file: others on this machine can read the words of a process. */
async function runCurl(words: readonly string[], token: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "spell-curl-"));
  const headers = join(folder, "headers");
  try {
    chmodSync(folder, 0o700);
    writeFileSync(headers, `Authorization: Bearer ${token}\nContent-Type: application/json\n`, { mode: 0o600 });
    const child = spawn("curl", ["-H", `@${headers}`, ...words], { stdio: "inherit" });
    // A ^C reaches curl as well, which ends by it; the file is removed then.
    const ignore = (): void => undefined;
    process.on("SIGINT", ignore);
    const [code] = (await once(child, "exit").finally(() => process.off("SIGINT", ignore))) as [number | null];
    return code ?? 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw argumentError("There is no curl on the PATH: install it to use this command.");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
