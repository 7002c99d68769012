/** The coordinator's own secrets and the first login, made at the first start and kept in its data folder (0600). */
import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SpellError, messageOf } from "@spell/domain";
import { makeFolder } from "@spell/machine";
import type { RunStore } from "@spell/run-store";
import { hashToken, newToken } from "@spell/run-lifecycle";

export interface Secrets {
  /** Signs the URLs of the embedded object store. */
  storeSecret: string;
  /** Signs the tokens of runs. */
  runSecret: string;
}

/** What `spell up` needs to log its user in and to start the agent of this machine. */
export interface FirstLogin {
  userName: string;
  email: string;
  userToken: string;
  /** One-time; used up by the first agent of this data folder. */
  joinToken: string;
}

/**
 * Reads the secrets, making them at the first start. Throws `unavailable` when the data folder cannot be written and
 * `data-loss` when the file is damaged: new secrets would void every token and URL that is in use.
 */
export function loadSecrets(path: string): Secrets {
  return readOrMake(path, () => ({ storeSecret: randomSecret(), runSecret: randomSecret() }));
}

/** Those of the folder if it holds any, else new ones, which are kept elsewhere. */
export function makeSecrets(path: string): Secrets {
  return existsSync(path) ? loadSecrets(path) : { storeSecret: randomSecret(), runSecret: randomSecret() };
}

/** Who the coordinator of this data folder is among others; made at the first start. Throws as `loadSecrets`. */
export function loadHolder(path: string): string {
  return readOrMake(path, () => ({ holder: randomUUID() })).holder;
}

/** The first login, made if there is none and nobody else has made one: the first coordinator of a farm does. */
export async function loadFirstLoginOfFarm(
  path: string,
  store: RunStore,
  userName: string,
): Promise<FirstLogin | undefined> {
  return existsSync(path) || (await store.accounts.listUsers()).length === 0
    ? loadFirstLogin(path, store, userName)
    : undefined;
}

/** Makes the first user and its tokens; later starts give the same. */
export async function loadFirstLogin(path: string, store: RunStore, userName: string): Promise<FirstLogin> {
  const login = readOrMake(path, () => ({
    userName,
    email: `${userName}@localhost`,
    userToken: newToken("user"),
    joinToken: newToken("join"),
  }));
  const nowMs = Date.now();
  const isNew = (await store.findToken(hashToken(login.userToken))) === undefined;
  if (isNew) {
    // The file comes first: a crash in between is mended by the next start.
    await store.ensureUser({ name: login.userName, email: login.email, createdAtMs: nowMs, operator: true });
    await store.addToken(hashToken(login.joinToken), { kind: "join" }, nowMs);
    await store.addToken(hashToken(login.userToken), { kind: "user", userName: login.userName }, nowMs);
  }
  return login;
}

function randomSecret(): string {
  return randomBytes(32).toString("hex");
}

/** What the file holds, or what is made and then kept in it. Throws data-loss for a file that lacks one of the texts. */
function readOrMake<T extends { [K in keyof T]: string }>(path: string, make: () => T): T {
  const made = make();
  const text = readOrWrite(path, JSON.stringify(made, null, 2));
  const kept = parseObject(text);
  const missing = Object.keys(made).filter((name) => typeof kept[name] !== "string" || kept[name] === "");
  if (missing.length === 0) return kept as T;
  throw new SpellError("data-loss", `${path} is damaged (no ${missing.join(", ")}): restore it from a copy.`, {
    reason: "damaged-secrets",
  });
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** The text of the file; the file is made with the given one if there is none. */
function readOrWrite(path: string, text: string): string {
  try {
    if (existsSync(path)) return readFileSync(path, "utf8");
    makeFolder(dirname(path), { mode: 0o700 });
    writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
    renameSync(`${path}.new`, path);
    return text;
  } catch (error) {
    throw new SpellError(
      "unavailable",
      `Cannot use the data folder: ${messageOf(error)}. Give a folder that can be written with --data.`,
      { reason: "data-folder", cause: error },
    );
  }
}
