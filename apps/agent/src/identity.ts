/** Who this agent is: joins once, then keeps its id and credential in its data folder (0600). */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { SpellError, messageOf } from "@spell/domain";
import type { AgentServiceClient } from "@spell/rpc";
import { callMetadata, callUnary } from "@spell/rpc";
import { makeFolder } from "@spell/machine";
import { writeJson } from "./write-json.ts";

export interface Identity {
  agentId: string;
  agentToken: string;
}

/** How long to wait for a coordinator that is just starting, milliseconds. */
const JOIN_PATIENCE_MS = 60_000;

export async function loadIdentity(options: {
  dataDir: string;
  joinToken: string;
  name: string;
  client: AgentServiceClient;
  address: string;
}): Promise<Identity> {
  const path = identityPath(options.dataDir);
  const known = await readIdentity(path);
  if (known !== undefined) return known;
  if (options.joinToken === "") {
    throw new SpellError(
      "unauthenticated",
      'This machine has not joined yet: give --token; "spell agent token" on the coordinator\'s machine makes one.',
    );
  }
  const { client, joinToken, name, address } = options;
  const { agentId, agentToken } = await callUnary(
    client.join.bind(client),
    { joinToken, name },
    {
      metadata: callMetadata(""),
      address,
      retryForMs: JOIN_PATIENCE_MS,
    },
  );
  const identity = { agentId, agentToken };
  await writeJson(path, identity, { flush: true });
  return identity;
}

/** This machine is not of the farm any more; with a new token it may join again. */
export async function forgetIdentity(dataDir: string): Promise<void> {
  await rm(identityPath(dataDir), { force: true });
}

function identityPath(dataDir: string): string {
  return join(dataDir, "agent.json");
}

async function readIdentity(path: string): Promise<Identity | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Identity;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new SpellError("internal", `Cannot read ${path}: ${messageOf(error)}.`, { cause: error });
  }
}

/** Makes the agent's data folder. Throws `unavailable` (reason `data-folder`) when it cannot be written. */
export async function prepareDataFolder(dataDir: string): Promise<void> {
  try {
    makeFolder(dataDir, { mode: 0o700 });
    await writeJson(join(dataDir, ".writable"), {}, { flush: true });
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
