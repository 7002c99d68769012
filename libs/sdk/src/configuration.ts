/**
 * Who the user is and where the coordinator is: `~/.spell/config` (YAML), overridden by SPELL_TOKEN, SPELL_OWNER,
 * SPELL_COORDINATOR (or SPELL_BASE_URL, SPELL_API_URL) and SPELL_WORKFLOW_ID. SPELL_DIR names another folder than `~/.spell`.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { SpellError, invalidInput, messageOf } from "@spell/domain";
import { parseAddresses } from "@spell/rpc";
import { parse, stringify } from "yaml";

/** Where a coordinator answers when nothing else is said. */
export const DEFAULT_COORDINATOR = "127.0.0.1:7800";

/** What a client needs to know. */
export interface Configuration {
  token: string;
  /** `HOST:PORT` of the coordinator's gRPC port; of several coordinators with commas between. */
  coordinator: string;
  owner?: string;
  /** The workflow that runs created here belong to; set inside a workflow. */
  workflowId?: number;
}

/** What the file of a logged-in user holds. Keys that are not ours are kept when it is written again. */
export interface ConfigurationFile {
  token?: string;
  owner?: string;
  user_name?: string;
  email?: string;
  coordinator?: string;
  api_url?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Path of the configuration file. */
export function configurationPath(environment: Environment): string {
  return join(environment["SPELL_DIR"] || join(homedir(), ".spell"), "config");
}

/**
 * The configuration in force. Throws `unauthenticated` (reason `no-login`) when there is no token, `invalid-input`
 * when the file or a variable cannot be understood.
 */
export function loadConfiguration(environment: Environment): Configuration {
  const given = environment["SPELL_TOKEN"];
  // A run is told everything by its environment; a file that happens to lie there must not be able to break it.
  const complete = given && environment["SPELL_COORDINATOR"];
  const file = complete ? {} : readConfigurationFile(configurationPath(environment));
  const token = given || file.token;
  const coordinator = coordinatorOf(environment, file);
  if (!token) {
    throw new SpellError("unauthenticated", 'No login session found. Please log in ("spell login").', {
      reason: "no-login",
    });
  }
  return {
    token: checkToken(token),
    coordinator: parseAddresses(coordinator).join(","),
    owner: environment["SPELL_OWNER"] || file.owner,
    workflowId: parseWorkflowId(environment["SPELL_WORKFLOW_ID"]),
  };
}

/**
 * Where the coordinator is, or coordinators are. A file that the historical client wrote does not say: then it is beside the API that the variable
 * names which that client is pointed here with.
 */
export function coordinatorOf(environment: Environment, file: ConfigurationFile): string {
  const named = environment["SPELL_COORDINATOR"];
  const apiUrl = environment["SPELL_BASE_URL"] || environment["SPELL_API_URL"];
  if (named) return named;
  if (file.coordinator && (!apiUrl || apiUrl === file.api_url)) return file.coordinator;
  if (apiUrl) return apiUrl.split(",").map(coordinatorBeside).join(",");
  return file.coordinator || DEFAULT_COORDINATOR;
}

/** The file's content; empty when there is no file. Throws `invalid-input` when it is not understood. */
export function readConfigurationFile(path: string): ConfigurationFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw invalidInput(`Cannot read ${path}: ${messageOf(error)}`, "bad-config");
  }
  return checkFile(path, parseYaml(path, text));
}

/** Adds these entries to the file, which only its user may read afterwards. Never leaves a half-written file. */
export function writeConfigurationFile(path: string, entries: ConfigurationFile): void {
  mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
  const content = stringify({ type: "global", ...readConfigurationFile(path), ...entries });
  const temporary = `${path}.${process.pid}.new`;
  try {
    writeFileSync(temporary, content, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw invalidInput(`Cannot write ${path}: ${messageOf(error)}`, "bad-config");
  }
}

/** Removes the file; false when there was none. */
export function removeConfigurationFile(path: string): boolean {
  try {
    rmSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw invalidInput(`Cannot remove ${path}: ${messageOf(error)}`, "bad-config");
  }
}

/** The gRPC address of the coordinator that serves HTTP at this URL: the same host, one port lower. Throws `invalid-input`. */
export function coordinatorBeside(apiUrl: string): string {
  const url = URL.canParse(apiUrl) ? new URL(apiUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalidInput(`"${apiUrl}" is no address of an API: write it as http://HOST:PORT.`, "bad-address");
  }
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  return `${url.hostname}:${port - 1}`;
}

function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw invalidInput(`${path} is not YAML (${messageOf(error).split("\n")[0]}). Log in again.`, "bad-config");
  }
}

function checkFile(path: string, content: unknown): ConfigurationFile {
  if (content === null || content === undefined) return {};
  if (typeof content !== "object" || Array.isArray(content)) {
    throw invalidInput(`${path} does not hold a configuration. Log in again.`, "bad-config");
  }
  for (const key of ["token", "owner", "user_name", "email", "coordinator", "api_url"]) {
    const value = (content as Record<string, unknown>)[key];
    if (value !== undefined && value !== null && typeof value !== "string") {
      throw invalidInput(`${path}: "${key}" must be text. Log in again.`, "bad-config");
    }
  }
  return content;
}

/** A token goes into a header line, so it must be one printable word. */
function checkToken(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw invalidInput("The token contains characters that no token has. Copy it again.", "bad-token");
}

function parseWorkflowId(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw invalidInput(`SPELL_WORKFLOW_ID must be a number, not "${text}".`, "bad-workflow-id");
}
