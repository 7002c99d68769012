/** What the parts of a run's way cost on this machine when each is measured on its own. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { openSqliteRunStore } from "@spell/run-store/sqlite";
import { BareSandbox, plainBwrap } from "./bare-sandbox.ts";
import { durations, figureTable } from "./figure.ts";
import type { Bench, Section } from "./measurement.ts";

export async function measureComponents(bench: Bench): Promise<Section[]> {
  const { farm, folder, signal } = bench;
  const bare = new BareSandbox(farm, folder);
  const store = openSqliteRunStore(join(folder, "record.sqlite"));
  const file = await open(join(folder, "small"), "w");
  const parts: [string, () => Promise<unknown>][] = [
    ["gRPC call and answer", () => farm.client.account.whoAmI({ signal })],
    ["SQLite commit of a new run", () => store.createRun(newRun(), "")],
    ["200 bytes appended to a file, fdatasync", () => append(file)],
    ["the sandbox: start, end, removal", async () => (await bare.run("true")).dispose()],
    ["bwrap without overlays", plainBwrap],
  ];
  const times = parts.map(() => [] as number[]);
  try {
    for (let count = bench.samples(100); count > 0; count -= 1) {
      signal.throwIfAborted();
      for (const [index, [, work]] of parts.entries()) {
        const startedAt = performance.now();
        await work();
        times[index]?.push(performance.now() - startedAt);
      }
    }
  } finally {
    await file.close();
    await store.close();
  }
  const figures = parts.map(([name], index) => durations(name, times[index] ?? []));
  return [{ title: "Parts on their own", lines: figureTable(figures), figures }];
}

async function append(file: Awaited<ReturnType<typeof open>>): Promise<void> {
  await file.write("x".repeat(200));
  await file.datasync();
}

function newRun(): Parameters<ReturnType<typeof openSqliteRunStore>["createRun"]>[0] {
  const nothing = { codeTree: "" as const, codeRoot: "", cwd: "", environment: {}, mounts: [] };
  const none = { params: {}, stopConditions: [], githubUrl: "", githubRef: "" };
  return {
    owner: "bench",
    runType: "user",
    spec: { ...nothing, ...none, command: "true", machineType: "CPU", description: "", commitLabel: "", gitCommit: "" },
    createdAtMs: Date.now(),
    notices: [],
    labels: [],
    requestHash: "",
  };
}
