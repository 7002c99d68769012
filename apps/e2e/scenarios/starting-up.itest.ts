/** `spell up` and its ends: what goes on at the next start, what ^C waits for, what is left. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { startNats, waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { makeGate } from "../support/gate.ts";
import { isAlive, processesWith } from "../support/processes.ts";
import { listRuns, readLog, readRun, userLines } from "../support/records.ts";

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Ports that the farm said or wrote down. */
function portsOf(farm: Farm): number[] {
  const said = [farm.said(), readFileSync(join(farm.data, "nats.conf"), "utf8")].join("\n");
  return [...said.matchAll(/127\.0\.0\.1:(\d+)/g)].map((match) => Number(match[1]));
}

function expectNothingLeft(farm: Farm): void {
  expect(processesWith(farm.folder)).toEqual([]);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(farm.folder);
  expect(readFileSync(join(farm.data, "up.json"), "utf8")).toBe("[]");
}

function codeOf(farm: Farm): { cwd: string } {
  const cwd = join(farm.folder, "code");
  mkdirSync(cwd, { recursive: true });
  return { cwd };
}

describe("the next start", () => {
  test("goes on where ^C stopped: logs, numbers, login, and outputs to mount; in between nothing runs", async () => {
    await using farm = await Farm.start();
    const call = codeOf(farm);
    await farm.spell(["run", "echo first life; echo kept > out.txt"], call);
    await farm.spell(["workflow", "echo steering"], call);
    const before = { runs: await listRuns(farm.place), log: await readLog(farm.place, 1) };
    const login = readFileSync(farm.configuration, "utf8");
    const token = /^token: (.+)$/m.exec(login)?.[1];
    const ports = portsOf(farm);
    expect(ports).toHaveLength(3);

    farm.command.signal("SIGINT");
    expect(await farm.command.done).toMatchObject({ exitCode: 0, stderr: "" });
    expectNothingLeft(farm);
    expect(await Promise.all(ports.map(listens))).toEqual([false, false, false]);

    await farm.up();
    expect(readFileSync(farm.configuration, "utf8")).toContain(`token: ${token}\n`);
    expect({ runs: await listRuns(farm.place), log: await readLog(farm.place, 1) }).toEqual(before);
    const { stdout } = await farm.spell(["run", "-m", "runs/1/out.txt:/data/in.txt", "cat /data/in.txt"], call);
    expect(stdout).toContain("Casting spell #3…");
    expect(stdout).toContain("\nkept\n");
    expect((await farm.spell(["workflow", "-b", "true"], call)).stdout).toContain("Casting workflow #2…");
  });

  test("after kill -9 of `spell up` alone takes over its parts: the run under way completes once", async () => {
    await using gate = await makeGate();
    await using farm = await Farm.start();
    using following = farm.startSpell(
      ["run", `echo before; ${gate.pass}; echo after > out.txt; echo after`],
      codeOf(farm),
    );
    await gate.reached(1);
    const parts = ["coordinator", "agent", "nats-server"] as const;
    const orphans = parts.map((part) => farm.pidOf(part));
    farm.command.signal("SIGKILL");
    await farm.command.done;
    expect(orphans.map(isAlive), "they live on without it").toEqual([true, true, true]);

    await farm.up();
    expect(orphans.map(isAlive)).toEqual([false, false, false]);
    expect(await readRun(farm.place, 1)).toMatchObject({ status: "running" });
    gate.open();
    // The ports are others now, so the reader of the first life is gone.
    following.signal("SIGKILL");
    const log = await readLog(farm.place, 1, { follow: true });
    expect(userLines(log)).toEqual(["before", "after"]);
    expect(log.map((line) => line.log)).toContain("Found 1 new or modified file (6 bytes)");
    expect(await readRun(farm.place, 1)).toMatchObject({ status: "complete", user_exit_code: 0, attempt: 1 });
  });
});

describe("^C", () => {
  test("lets the run under way end and starts none that waits; then nothing is left", async () => {
    await using gate = await makeGate();
    await using farm = await Farm.start({ args: ["--cpu-slots", "1"] });
    using client = farm.client();
    const [running, waiting] = [
      await client.runs.create({ command: `${gate.pass}; echo kept > out.txt` }),
      await client.runs.create({ command: "true" }),
    ];
    await gate.reached(1);
    farm.command.signal("SIGINT");
    await farm.command.sees("Draining: waiting for runs to end. Press ^C again to interrupt them.");
    await running.refresh();
    expect(running.status).toBe("running");
    gate.open();
    expect((await farm.command.done).exitCode).toBe(0);
    expectNothingLeft(farm);

    await farm.up();
    expect(await readRun(farm.place, running.id)).toMatchObject({ status: "complete", user_exit_code: 0 });
    await waitFor("the one that waited", async () => (await readRun(farm.place, waiting.id)).status === "complete");
  });

  test("pressed again interrupts it, which is final and said; the command is never executed a second time", async () => {
    await using gate = await makeGate();
    await using farm = await Farm.start();
    const call = codeOf(farm);
    const marker = `interrupted-${process.pid}`;
    await farm.spell(["run", "-b", `echo started; : ${marker}; ${gate.pass}; sleep 600`], call);
    await gate.reached(1);
    farm.command.signal("SIGINT");
    await farm.command.sees("Draining");
    farm.command.signal("SIGINT");
    expect((await farm.command.done).exitCode).toBe(0);
    expectNothingLeft(farm);
    expect(processesWith(marker)).toEqual([]);

    await farm.up();
    await waitFor("the end of the run", async () => (await readRun(farm.place, 1)).status !== "running");
    expect(await readRun(farm.place, 1)).toMatchObject({
      status: "interrupted",
      reason_code: "interrupted-by-operator",
      reason: "The agent on its machine was told to end at once.",
    });
    const log = await readLog(farm.place, 1, { follow: true });
    expect(userLines(log)).toEqual(["started"]);
    expect(log.at(-1)).toMatchObject({ status: "interrupted" });
    expect((await farm.spell(["run", "true"], call)).stdout).toContain("Run 2 complete");
    expect(gate.visits()).toBe(1);
  });
});

test("--nats uses a nats-server that runs already, and leaves it running", async () => {
  await using nats = await startNats();
  await using farm = await Farm.start({ args: ["--nats", nats.url, "--nats-token", nats.token] });
  expect(() => farm.pidOf("nats-server")).toThrow("no nats-server");
  expect(existsSync(join(farm.data, "nats.conf"))).toBe(false);
  const { stdout } = await farm.spell(["run", "echo over there"], codeOf(farm));
  expect(stdout).toContain("\nover there\n");
  expect(existsSync(join(nats.storeDir, "jetstream"))).toBe(true);
  farm.command.signal("SIGINT");
  expect((await farm.command.done).exitCode).toBe(0);
  expect(processesWith(farm.folder)).toEqual([]);
  expect(await listens(nats.port)).toBe(true);
});
