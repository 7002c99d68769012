/** What cannot be started: it says why, and what to do, and leaves no process, no login and nothing half-started. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { tempFolder } from "@spell/testing";
import type { CommandResult, TempFolder } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { processesWith } from "../support/processes.ts";
import { spell, startSpell } from "../support/spell.ts";

const PORTS = ["grpc-port", "http-port", "nats-port"] as const;

describe("spell up", () => {
  let folder: TempFolder;
  let login: string;

  beforeAll(async () => {
    folder = await tempFolder("spell-start-");
    login = join(folder.path, "login");
  });

  afterAll(() => folder[Symbol.asyncDispose]());

  /** With free ports but for what is said otherwise. */
  const up = (data: string, ports: Partial<Record<(typeof PORTS)[number], number>> = {}): Promise<CommandResult> => {
    const flags = PORTS.flatMap((port) => [`--${port}`, String(ports[port] ?? 0)]);
    return spell({ login }, ["up", "--data", data, "--login", ...flags]);
  };
  const expectNothingLeft = (): void => {
    expect(processesWith(folder.path)).toEqual([]);
    expect(existsSync(login)).toBe(false);
  };

  test.each([
    ["grpc-port", "Cannot serve gRPC on 127.0.0.1:"],
    ["http-port", "Cannot serve HTTP on 127.0.0.1:"],
    ["nats-port", "Cannot serve NATS on 127.0.0.1:"],
  ] as const)("--%s is taken", async (flag, sentence) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const { exitCode, stdout, stderr } = await up(join(folder.path, flag), { [flag]: port });
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).toContain(`${sentence}${port}: `);
      expect(stderr).toMatch(new RegExp(`Is Spell running already\\? Choose another port with --${flag}\\.\\n$`));
      expectNothingLeft();
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });

  test("the data folder is a file, lies below one, or where nobody can write", async () => {
    const file = join(folder.path, "file");
    writeFileSync(file, "mine\n");
    for (const data of [file, join(file, "data"), "/proc/none", "/sys/none"]) {
      const { exitCode, stdout, stderr } = await up(data);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).toMatch(/^Cannot use the data folder: E.*\. Give a folder that can be written with --data\.\n$/);
      expectNothingLeft();
    }
    expect(readFileSync(file, "utf8")).toBe("mine\n");
  });

  test.skipIf(process.getuid?.() === 0)("the data folder may not be written (root may write everywhere)", async () => {
    const data = join(folder.path, "read-only");
    mkdirSync(data, { mode: 0o500 });
    const { exitCode, stderr } = await up(data);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining("EACCES") });
    expectNothingLeft();
  });
});

describe("beside a farm that is up", () => {
  let farm: Farm;
  let coordinator: string;

  beforeAll(async () => {
    farm = await Farm.start();
    using client = farm.client();
    ({ coordinator } = client.configuration);
  });

  afterAll(() => farm[Symbol.asyncDispose]());

  const agent = (data: string, ...more: string[]): Promise<CommandResult> =>
    spell({ login: join(farm.folder, data) }, [
      ...["agent", "start", "--coordinator", coordinator, "--data", join(farm.folder, data)],
      ...more,
    ]);

  test("a second spell up on the same data is refused; the first goes on", async () => {
    const before = processesWith(farm.folder);
    const { exitCode, stderr } = await farm.spell(["up", "--data", farm.data]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: `Spell is up already in ${farm.data} (process ${farm.pidOf("up")}).\n`,
    });
    expect(processesWith(farm.folder)).toEqual(before);
    expect(await farm.spell(["ps"])).toMatchObject({ exitCode: 0 });
  });

  test("an agent needs a token: none, a wrong one, and one that was used are refused with what to do", async () => {
    const { stdout } = await farm.spell(["agent", "token", "--quiet"]);
    const token = stdout.trim();
    const options = ["--token", token, "--cpu-slots", "1", "--name", "second"];
    const first = startSpell(farm.place, [
      ...["agent", "start", "--coordinator", coordinator, "--data", join(farm.folder, "first")],
      ...options,
    ]);
    try {
      await first.sees("Connected as");
      const refusals = [
        ["none", [], "This machine has not joined yet: give --token"],
        [
          "wrong",
          ["--token", "wrong"],
          'This join token is wrong or was used already: make a new one with "spell agent',
        ],
        ["used", ["--token", token], 'This join token is wrong or was used already: make a new one with "spell agent'],
        // The folder knows who it is; what it may not do is work twice.
        ["first", [], `already works in ${join(farm.folder, "first")}: stop it first, or give another folder`],
      ] as const;
      for (const [data, more, sentence] of refusals) {
        const { exitCode, stdout: said, stderr } = await agent(data, ...more);
        expect({ exitCode, said }).toEqual({ exitCode: 1, said: "" });
        expect(stderr).toContain(sentence);
      }
      const types = await farm.spell(["machine-types", "--json"]);
      expect(JSON.parse(types.stdout)).toHaveLength(1);
    } finally {
      first.signal("SIGINT");
      await first.done;
    }
    for (const data of ["none", "wrong", "used", "first"]) {
      expect(processesWith(join(farm.folder, data))).toEqual([]);
      if (data !== "first") expect(existsSync(join(farm.folder, data, "agent.json"))).toBe(false);
    }
  });

  test("an agent's data folder must be one", async () => {
    const { exitCode, stderr } = await spell(farm.place, [
      ...["agent", "start", "--coordinator", coordinator, "--data", "/proc/none"],
    ]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining("Cannot use the data folder: E"),
    });
  });
});
