/** Asks the farm, after the calm, what it says of every task. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import pLimit from "p-limit";
import type { Run, SpellClient } from "@spell/sdk";
import { hasCode, isFinal } from "@spell/sdk";
import type { Ledger } from "../load/ledger.ts";
import { OUTPUT_FILE, digestOf, linesOf } from "../load/task.ts";
import type { Asked } from "../load/users.ts";
import type { RunFacts, TaskFacts } from "./evidence.ts";

const PAGE = 1_000;
const AT_ONCE = 8;

/** The facts of all tasks; files pass through the folder. */
export async function collectTasks(
  client: SpellClient,
  { asked, ledger, folder }: { asked: readonly Asked[]; ledger: Ledger; folder: string },
): Promise<TaskFacts[]> {
  const runs = Map.groupBy(await allRuns(client), (run) => run.record.spec?.description ?? "");
  const notes = Map.groupBy(ledger.notes, ({ key }) => key);
  const limit = pLimit(AT_ONCE);
  return Promise.all(
    asked.map(async ({ task, ...known }) => {
      const found = (runs.get(task.key) ?? []).map((run) => limit(() => factsOf(client, run, folder)));
      return {
        ...{ ...known, key: task.key, wish: task.wish, lines: linesOf(task), digest: digestOf(task) },
        ...{ exitCode: task.exitCode, notes: notes.get(task.key) ?? [], runs: await Promise.all(found) },
      };
    }),
  );
}

async function allRuns(client: SpellClient): Promise<Run[]> {
  const all: Run[] = [];
  for (let beforeId: number | undefined; ;) {
    const page = await client.runs.list({ number: PAGE, beforeId });
    all.push(...page);
    beforeId = page.at(-1)?.id;
    if (page.length < PAGE) return all;
  }
}

async function factsOf(client: SpellClient, run: Run, folder: string): Promise<RunFacts> {
  const log: string[] = [];
  let line = "";
  for await (const { status, statusEvent, level, text, partial } of run.logs()) {
    if (status !== "running" || statusEvent || level !== "") continue;
    line += text;
    if (partial) continue;
    log.push(line);
    line = "";
  }
  const { id, status, reasonCode, reason, userExitCode: exitCode, record } = run;
  const digest = isFinal(status) ? await outputDigest(client, id, folder) : undefined;
  return { id, status, reasonCode, reason, exitCode, agent: record.agent, log, digest };
}

async function outputDigest(client: SpellClient, id: number, folder: string): Promise<string | undefined> {
  const directory = join(folder, `outputs of ${id}`);
  await mkdir(directory, { recursive: true });
  try {
    await client.resources.copy(`runs/${id}/${OUTPUT_FILE}`, { directory });
    const hash = createHash("sha256");
    await pipeline(createReadStream(join(directory, OUTPUT_FILE)), hash);
    return hash.digest("hex");
  } catch (error) {
    if (hasCode(error, "not-found") || hasCode(error, "conflict")) return undefined;
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
