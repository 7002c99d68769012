/** Commands beside the work: how the farm is, words for its operator, the API by hand, and what old scripts ask for in vain. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { waitFor } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Farm } from "../support/farm.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ args: ["--executor", "dummy", "--cpu-slots", "1", "--machine-type", "V100=2"] });
});
afterAll(() => farm?.[Symbol.asyncDispose]());

const spell = (args: readonly string[], input?: string) => farm.spell(args, { input });

it("status tells of the coordinator, of each machine, and of runs", async () => {
  await waitFor("the machine", async () => (await spell(["status"])).stdout.includes("connected"));
  const { stdout, stderr, exitCode } = await spell(["status"]);
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(
    /^Coordinator +\S+:\d+ \(answered in [\d.]+ ms\)\nUser +\S+\nYour Runs +0 under way, 0 waiting\n\nMACHINE +STATE +FREE +LAST SEEN\n\S+ +connected +CPU 1 of 1, V100 2 of 2 +\d+ seconds ago\n$/,
  );
  expect(JSON.parse((await spell(["status", "--json"])).stdout)).toMatchObject({
    ...{ runs_active: 0, runs_waiting: 0, user_name: expect.any(String) as string },
    agents: [{ state: "connected", machine_types: [{ name: "CPU" }, { name: "V100", slots: 2, free_slots: 2 }] }],
  });
  const away = await farm.spell(["status"], { env: { SPELL_COORDINATOR: "127.0.0.1:1" } });
  expect(away).toMatchObject({ exitCode: 1, stdout: "", stderr: expect.stringContaining("spell up") });
});

it("feedback is left for the operator, from words or from a pipe", async () => {
  const thanks = { exitCode: 0, stderr: "", stdout: expect.stringMatching(/^Thank you\./) as string };
  expect(await spell(["feedback", "more", "GPUs"])).toEqual(thanks);
  expect(await spell(["feedback"], "two\nlines\n")).toEqual(thanks);
  expect(await spell(["feedback"], " \n")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/^Say something/),
  });
  expect((await spell(["feedback", "x".repeat(10_001)])).exitCode).toBe(1);
});

describe("curl", () => {
  it("asks the API as the user and exits as curl does", async () => {
    const me = await spell(["curl", "-s", "/v1/users/me"]);
    expect([me.exitCode, JSON.parse(me.stdout)]).toMatchObject([0, { user: { email: expect.any(String) as string } }]);
    const made = await spell(["curl", "-s", "-X", "POST", "-d", '{"name":"ci"}', "/v1/users/me/access_tokens"]);
    expect(JSON.parse(made.stdout)).toMatchObject({ token: expect.stringMatching(/^spell_/) as string });
    expect((await spell(["curl", "-sf", "/v1/nothing"])).exitCode).toBe(22);
  });

  it("shows the token to no other process and leaves no file", async () => {
    const bin = join(farm.folder, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "curl"), `#!/bin/sh\necho "$@"\n`);
    chmodSync(join(bin, "curl"), 0o755);
    const env = { PATH: [bin, process.env["PATH"]].join(delimiter) };
    const { stdout } = await farm.spell(["curl", "--data", "x y", "/v1/users/me"], { env });
    expect(stdout).toMatch(/^-H @\S+ --data x y http:\/\/\S+\/v1\/users\/me\n$/);
    const token = /^token: (\S+)$/m.exec(readFileSync(farm.configuration, "utf8"))?.[1] ?? "";
    expect(stdout).not.toContain(token);
    expect(existsSync(/@(\S+)/.exec(stdout)?.[1] ?? "/")).toBe(false);
  });

  it.each<[words: string[], exitCode: number, said: RegExp]>([
    [[], 2, /missing required argument/],
    [["-s"], 2, /begins with \/v1\//],
    [["/v1/users/me", "https://example.org/"], 3, /for this farm alone/],
  ])("%j is refused", async (words, exitCode, said) => {
    const refused = await spell(["curl", ...words]);
    expect(refused).toMatchObject({ exitCode, stdout: "", stderr: expect.stringMatching(said) });
  });
});

it.each([
  [["jupyter", "--lab", "notebook"], /no Jupyter workspaces/],
  [["cluster", "machine-type", "list"], /machines of your own/],
  [["server", "serve", "--name", "x", "model:v1"], /no model servers/],
  [["kube-cluster"], /machines of your own/],
])("%j is refused by a sentence", async (words, said) => {
  expect(await spell(words)).toMatchObject({ exitCode: 1, stdout: "", stderr: expect.stringMatching(said) });
});

it.each([["--docs"], ["run", "--docs"], ["model", "create", "--docs"], ["run", "python", "x.py", "--docs"]])(
  "%s %s %s %s shows the help and where the documents are",
  async (...words) => {
    const { exitCode, stdout } = await spell(words.filter((word) => typeof word === "string"));
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^More stands in .*docs\.\n\nUsage: spell /)]);
  },
);
