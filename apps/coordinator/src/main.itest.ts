import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { RunServiceClient, RunSpec, channelCredentials, channelOptions } from "@spell/rpc";
import { freePort, startNats, startServerProcess, tempFolder, waitFor } from "@spell/testing";
import type { ServerProcess } from "@spell/testing";
import type { FirstLogin } from "./secrets.ts";
import { call } from "./test-support/world.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const ANY_PORTS = ["--grpc-port", "0", "--http-port", "0"];

interface Coordinator extends AsyncDisposable {
  process: ServerProcess;
  coordinator: string;
  api: string;
  /** Tokens of the first login. */
  login: FirstLogin;
  /** Sends the signal and tells how the process ended. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null; tookMs: number }>;
}

function spawnCoordinator(args: readonly string[], env: NodeJS.ProcessEnv = {}): ServerProcess {
  const { PATH, TMPDIR, SPELL_TEST_RUN } = process.env;
  return startServerProcess(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, ...args], {
    // Nothing else of the caller's: its SPELL_ variables would be taken for settings.
    env: { PATH, TMPDIR, SPELL_TEST_RUN, ...env },
  });
}

/** How a start went that is expected to fail. */
async function failedStart(
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<{ code: number | null; said: string }> {
  await using started = spawnCoordinator(args, env);
  if (started.child.exitCode === null) await once(started.child, "close");
  // Log lines are for machines; what is left is for people.
  const said = started
    .output()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("{"));
  return { code: started.child.exitCode, said: said.join("\n") };
}

async function startCoordinator(dataDir: string, args: readonly string[] = []): Promise<Coordinator> {
  const started = spawnCoordinator(["--data", dataDir, ...ANY_PORTS, ...args]);
  try {
    const line = await waitFor(
      "the coordinator to be ready",
      () => {
        if (started.child.exitCode !== null) throw new Error(`it ended: ${started.output()}`);
        return /^\{"ready":true.*$/m.exec(started.output())?.[0];
      },
      { everyMs: 10 },
    );
    const { coordinator, api } = JSON.parse(line) as { coordinator: string; api: string };
    const login = JSON.parse(await readFile(join(dataDir, "coordinator", "login.json"), "utf8")) as FirstLogin;
    return {
      ...{ process: started, coordinator, api, login },
      end: async (signal) => {
        const atMs = performance.now();
        const exited = once(started.child, "exit");
        started.child.kill(signal);
        await exited;
        const { exitCode: code, signalCode } = started.child;
        return { code, signal: signalCode, tookMs: performance.now() - atMs };
      },
      [Symbol.asyncDispose]: () => started.stop("SIGKILL"),
    };
  } catch (error) {
    await started.stop("SIGKILL");
    throw error;
  }
}

async function get(coordinator: Coordinator, path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${coordinator.login.userToken}` };
  return (await fetch(`${coordinator.api}/v1/${path}`, { headers })).json();
}

async function post(coordinator: Coordinator, path: string, body: object): Promise<Response> {
  const headers = { authorization: `Bearer ${coordinator.login.userToken}`, "content-type": "application/json" };
  return fetch(`${coordinator.api}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
}

describe("a coordinator that cannot start says why in one sentence", () => {
  it.concurrent.each([
    [["--data", "x", "--prot", "1"], {}, /^spell coordinator: unknown option '--prot'$/],
    [["--data", "x", "--log-level", "loud"], {}, /^spell coordinator: option '--log-level <level>' argument 'loud' is/],
    [["--data", "x"], { SPELL_MACHINE_TYPES: "a b" }, /^spell coordinator: option .+ env 'SPELL_MACHINE_TYPES' is/],
  ])("%j %j: wrong usage", async (args, env, expected) => {
    const { code, said } = await failedStart(args, env);
    expect(said).toMatch(expected);
    expect(code).toBe(2);
  });

  it.concurrent("a port is taken", async () => {
    await using folder = await tempFolder();
    await using taken = await tempFolder();
    await using running = await startCoordinator(taken.path);
    const port = new URL(running.api).port;
    const { code, said } = await failedStart(["--data", folder.path, "--http-port", port]);
    expect(said).toMatch(/^spell coordinator: Cannot serve HTTP on 127\.0\.0\.1:\d+: .+ with --http-port\.$/);
    expect(code).toBe(1);
  });

  it.concurrent("the data folder cannot be one", async () => {
    await using folder = await tempFolder();
    await writeFile(join(folder.path, "file"), "");
    for (const dataDir of [join(folder.path, "file"), "/proc/spell"]) {
      const { code, said } = await failedStart(["--data", dataDir, ...ANY_PORTS]);
      expect(said).toMatch(
        /^spell coordinator: Cannot use the data folder: .+ Give a folder that can be written with --data\.$/,
      );
      expect(code).toBe(1);
    }
  });

  it.concurrent("the record is damaged, or a newer version wrote it", async () => {
    await using folder = await tempFolder();
    const record = join(folder.path, "coordinator", "record.db");
    await mkdir(join(folder.path, "coordinator"));
    await writeFile(record, "this was a record once ".repeat(1_000));
    const damaged = await failedStart(["--data", folder.path, ...ANY_PORTS]);
    expect(damaged.said).toMatch(/^spell coordinator: The record is damaged .+: restore it from a copy\.$/);
    expect(damaged.code).toBe(1);
    await writeFile(record, "");
    await using running = await startCoordinator(folder.path);
    await running.end("SIGTERM");
    const change = "PRAGMA user_version = 99; UPDATE record_schema SET version = 99, compatible_from = 99";
    const script = `new (require("node:sqlite").DatabaseSync)(process.argv[1]).exec("${change}")`;
    await using changing = startServerProcess(process.execPath, ["-e", script, record]);
    if (changing.child.exitCode === null) await once(changing.child, "close");
    const newer = await failedStart(["--data", folder.path, ...ANY_PORTS]);
    expect(newer.said).toMatch(/^spell coordinator: .+ was written by a newer Spell .+: start the newer version\.$/);
    expect(newer.code).toBe(1);
  });

  it.concurrent("nothing is wrong: help is asked for", async () => {
    const { code, said } = await failedStart(["--help"]);
    expect(said).toMatch(/^Usage: spell-coordinator \[options\]$/m);
    expect(code).toBe(0);
  });
});

describe("a coordinator", () => {
  it.concurrent("starts and serves without its nats-server, and says that it is away", async () => {
    await using folder = await tempFolder();
    await using running = await startCoordinator(folder.path, ["--nats", `nats://127.0.0.1:${await freePort()}`]);
    await waitFor("a word about it", () => /Cannot reach the nats-server at nats:/.test(running.process.output()));
    expect((await post(running, "runs/spell", { command: "true" })).status).toBe(200);
    const waiting = post(running, "runs/spell/1/wait_status", { statuses: ["killed"] });
    await post(running, "runs/spell/1/kill", {});
    expect(await (await waiting).text()).toBe('{"success":true}\n');
    expect(await running.end("SIGTERM")).toMatchObject({ code: 0, signal: null });
  });

  it.concurrent(
    "ends in order and soon while streams are open, and goes on where it was, also after kill -9",
    async () => {
      await using folder = await tempFolder();
      await using nats = await startNats();
      const bus = ["--nats", nats.url, "--nats-token", nats.token, "--user", "ann"];
      await using first = await startCoordinator(folder.path, bus);
      const runs = new RunServiceClient(first.coordinator, channelCredentials(), channelOptions(first.coordinator));
      const spec = RunSpec.fromPartial({ command: "true" });
      await call(runs.createRun.bind(runs), { spec, clientKey: "", idempotent: false }, first.login.userToken);
      const overGrpc = call(runs.waitStatus.bind(runs), { runId: 1, statuses: ["running"] }, first.login.userToken);
      const logs = await post(first, "runs/ann/1/logs", { follow: true, offset: 0 });
      const status = await post(first, "runs/ann/1/wait_status", { statuses: ["running"] });
      const outcomes = Promise.allSettled([overGrpc, logs.text(), status.text()]);
      const ended = await first.end("SIGTERM");
      expect(ended).toMatchObject({ code: 0, signal: null });
      expect(ended.tookMs).toBeLessThan(5_000);
      expect((await outcomes).map((outcome) => outcome.status)).toEqual(["rejected", "rejected", "rejected"]);
      runs.close();

      await using second = await startCoordinator(folder.path, bus);
      expect(second.login).toEqual(first.login);
      expect(await get(second, "runs/ann/1")).toMatchObject({ run: { status: "machine_requested" } });
      expect((await post(second, "runs/ann", { command: "false" })).status).toBe(200);
      expect(await second.end("SIGKILL")).toMatchObject({ signal: "SIGKILL" });

      await using third = await startCoordinator(folder.path, bus);
      expect(await get(third, "runs/ann")).toMatchObject({ runs: [{ id: 2, command: "false" }, { id: 1 }] });
    },
  );
});
