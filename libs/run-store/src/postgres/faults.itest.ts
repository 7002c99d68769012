/** What is killed or cut off in the middle of writes: what was promised is there, and nothing is there by half or twice. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { SpellError } from "@spell/domain";
import { startPostgres, waitFor } from "@spell/testing";
import type { PostgresServer } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assignment, sampleRun, sampleTrees } from "../contract/samples.ts";
import type { RunStore } from "../run-store.ts";
import { find } from "../sql/statement.ts";
import { openPostgresRunStore } from "./index.ts";

const fixture = fileURLToPath(new URL("crash.fixture.ts", import.meta.url));
const AWAY = { code: "unavailable", reason: "database-away" };

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.stop());

async function open(url: string): Promise<RunStore & AsyncDisposable> {
  const store = await openPostgresRunStore({ url });
  await store.addBlobs(sampleTrees());
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}

/** Runs the writer on the database, kills it after so many promises; the numbers that it printed. */
async function writeAndKill(url: string, afterLines: number): Promise<number[]> {
  const child = spawn(process.execPath, [fixture, url], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const promised: number[] = [];
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      promised.push(Number(line));
      if (promised.length === afterLines) child.kill("SIGKILL");
    }
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
  expect(child.signalCode).toBe("SIGKILL");
  return promised;
}

/** In front of the server; breaks the connections at the next COMMIT, before or after it has reached the server. */
class Cutter implements AsyncDisposable {
  cutNext: "before" | "after" | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => this.#forward(client));

  static async start(): Promise<Cutter> {
    const cutter = new Cutter();
    await new Promise<void>((resolve) => cutter.#server.listen(0, "127.0.0.1", resolve));
    return cutter;
  }

  through(url: string): string {
    const changed = new URL(url);
    changed.port = String((this.#server.address() as AddressInfo).port);
    return changed.href;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #forward(client: Socket): void {
    const upstream = connect({ host: "127.0.0.1", port: server.port });
    const both = [client, upstream];
    const breakOff = (): void => both.forEach((socket) => socket.destroy());
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.on("error", breakOff).on("close", breakOff);
    }
    let deaf = false;
    client.on("data", (bytes) => {
      if (this.cutNext === undefined || !bytes.includes("COMMIT")) return void upstream.write(bytes);
      const when = this.cutNext;
      this.cutNext = undefined;
      if (when === "before") return breakOff();
      deaf = true;
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      // The answer to the COMMIT, which nobody hears.
      if (deaf) breakOff();
      else client.write(bytes);
    });
  }
}

describe("kill -9 of the coordinator", () => {
  it("loses no write that was answered and leaves none by half, again and again", async () => {
    const url = await server.createDatabase();
    const promised: number[] = [];
    for (const afterLines of [1, 40, 113]) promised.push(...(await writeAndKill(url, afterLines)));
    expect(new Set(promised).size).toBe(promised.length);
    await using store = await open(url);
    const runs = await store.listRuns({ owner: "crash", pageSize: 1_000_000 });
    const assigned = new Set(runs.filter((run) => run.attempt === 1).map((run) => run.id));
    expect(promised.filter((id) => !assigned.has(id))).toEqual([]);
    for (const run of runs) {
      const log = await store.describeLog(run.id);
      const began = run.attempt === 1;
      const texts = began ? ["one", "two", "three", "four"] : ["one", "two", "three"];
      expect(log?.before.map((entry) => entry.text)).toEqual(texts);
      expect(log?.attempts).toHaveLength(run.attempt);
      expect((await store.findWorkflow(run.workflowId ?? 0))?.managingRunId).toBe(run.id);
    }
    expect((await store.listHeld("a1")).length + (await store.listQueued(1_000_000)).length).toBe(runs.length);
  }, 60_000);
});

describe("kill -9 of the database", () => {
  it("fails what it had not answered, loses nothing that it had, and writes go on once it is back", async () => {
    await using store = await open(await server.createDatabase());
    const promised = new Map<string, number>();
    const refused: unknown[] = [];
    let going = true;
    const write = async (writer: number): Promise<void> => {
      for (let round = 0; going; round += 1) {
        const key = `${writer}/${round}`;
        try {
          promised.set(key, (await store.createRun(sampleRun(), key)).run.id);
        } catch (error) {
          refused.push(error);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    };
    const writing = Promise.all([1, 2, 3, 4].map(write));
    await waitFor("some writes", () => promised.size > 40);
    await server.process.stop("SIGKILL");
    await waitFor("a refusal", () => refused.length > 0);
    await expect(store.findRun(1)).rejects.toMatchObject(AWAY);
    const before = promised.size;
    await server.startAgain();
    await waitFor("writes to go on", () => promised.size > before + 40);
    going = false;
    await writing;
    for (const error of refused) expect(error).toBeInstanceOf(SpellError);
    const codes = new Set(refused.map((error) => (error as SpellError).code));
    expect([...codes]).toEqual(["unavailable"]);
    for (const [key, id] of promised) expect((await store.findRunByClientKey("ann", key))?.id, key).toBe(id);
  }, 60_000);
});

describe("a connection that is cut while it commits", () => {
  it("is no answer: the write is done or not, and asked once more with its key it is there once", async () => {
    await using cutter = await Cutter.start();
    const url = await server.createDatabase();
    await using store = await open(cutter.through(url));
    for (const [when, existed] of [
      ["before", false],
      ["after", true],
    ] as const) {
      cutter.cutNext = when;
      const writes = ["a", "b"].map((key) => store.createRun(sampleRun(), `${when} ${key}`));
      for (const write of await Promise.allSettled(writes)) {
        expect(write).toMatchObject({ status: "rejected", reason: AWAY });
      }
      expect((await store.createRun(sampleRun(), `${when} a`)).existed, when).toBe(existed);
    }
    expect(await store.listRuns({ owner: "ann", pageSize: 9 })).toHaveLength(3);
  }, 30_000);

  it("leaves a change of a run under its version: whoever decided on it sees whether it was made", async () => {
    await using cutter = await Cutter.start();
    await using store = await open(cutter.through(await server.createDatabase()));
    const { run } = await store.createRun(sampleRun(), "");
    cutter.cutNext = "after";
    await expect(store.updateRun(run.id, run.version, assignment("a1"))).rejects.toMatchObject(AWAY);
    expect(await store.updateRun(run.id, run.version, assignment("a2"))).toBeUndefined();
    expect(await store.findRun(run.id)).toMatchObject({ agentId: "a1", attempt: 1 });
  }, 30_000);
});

describe("a group of writes", () => {
  it("loses only the write that fails", async () => {
    await using store = await open(await server.createDatabase());
    const foreign = sampleRun({ spec: { ...sampleRun().spec, codeTree: "unknown" as never } });
    const writes = [sampleRun(), foreign, sampleRun()].map((run, index) => store.createRun(run, `${index}`));
    const [first, second, third] = await Promise.allSettled(writes);
    expect([first?.status, third?.status]).toEqual(["fulfilled", "fulfilled"]);
    expect(second).toMatchObject({ status: "rejected", reason: { reason: "no-such-tree" } });
    expect(await store.listRuns({ owner: "ann", pageSize: 9 })).toHaveLength(2);
  });

  it("is not written, none of it, when its guard throws; reads go on", async () => {
    const url = await server.createDatabase();
    let leads = true;
    const guard = function* () {
      yield* find("SELECT 1 AS one");
      if (!leads) throw new SpellError("unavailable", "It leads no more.", { reason: "leads-no-more" });
    };
    const store = await openPostgresRunStore({ url, guard });
    try {
      await store.addBlobs(sampleTrees());
      const { run } = await store.createRun(sampleRun(), "");
      leads = false;
      for (const write of await Promise.allSettled([1, 2, 3].map(() => store.createRun(sampleRun(), "")))) {
        expect(write).toMatchObject({ status: "rejected", reason: { reason: "leads-no-more" } });
      }
      expect(await store.updateRun(run.id, run.version, assignment("a1")).catch(() => "refused")).toBe("refused");
      expect(await store.listRuns({ owner: "ann", pageSize: 9 })).toMatchObject([{ id: run.id, version: run.version }]);
      leads = true;
      expect((await store.createRun(sampleRun(), "")).existed).toBe(false);
    } finally {
      await store.close();
    }
  });
});
