/** The coordinator's own secrets and the first login, made at the first start and kept in its data folder (0600). */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SpellError, messageOf } from "@spell/domain";
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

/** Reads the secrets, making them at the first start. Throws `unavailable` when the data folder cannot be written. */
export function loadSecrets(path: string): Secrets {
  return readOrMake(path, () => ({ storeSecret: randomSecret(), runSecret: randomSecret() }));
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
    await store.ensureUser({ name: login.userName, email: login.email, createdAtMs: nowMs });
    await store.addToken(hashToken(login.joinToken), { kind: "join" }, nowMs);
    await store.addToken(hashToken(login.userToken), { kind: "user", userName: login.userName }, nowMs);
  }
  return login;
}

function randomSecret(): string {
  return randomBytes(32).toString("hex");
}

function readOrMake<T>(path: string, make: () => T): T {
  try {
    if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as T;
    const value = make();
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.new`, JSON.stringify(value, null, 2), { mode: 0o600, flush: true });
    renameSync(`${path}.new`, path);
    return value;
  } catch (error) {
    throw new SpellError(
      "unavailable",
      `Cannot use the data folder: ${messageOf(error)}. Give a folder that can be written with --data.`,
      {
        reason: "data-folder",
        cause: error,
      },
    );
  }
}
