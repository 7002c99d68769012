/** People of one farm: how they come to be, log in, and stay apart. */
import { existsSync } from "node:fs";
import { mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { CommandResult } from "@spell/testing";
import { makeFolder } from "@spell/machine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Farm } from "../support/farm.ts";
import { spellOnTerminal } from "../support/terminal.ts";

// Made for this test.
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINkMsXJnUTqEoICr9XZBKnVpieQD4MQryBBGFKR5gjDh me@host";

let farm: Farm;
/** HOST:PORT of gRPC, and the URL of HTTP. */
let coordinator = "";
let api = "";

beforeAll(async () => {
  farm = await Farm.start({ args: ["--executor", "dummy"] });
  const config = await readFile(farm.configuration, "utf8");
  coordinator = /^coordinator: (.+)$/m.exec(config)?.[1] ?? "";
  api = /^api_url: (.+)$/m.exec(config)?.[1] ?? "";
});
afterAll(() => farm[Symbol.asyncDispose]());

/** A command of somebody with a login folder of their own. */
function as(name: string, args: readonly string[], input?: string): Promise<CommandResult> {
  return farm.spell(args, { env: { SPELL_DIR: join(farm.folder, name) }, input });
}

/** A PATH with what starts the command and nothing else. */
async function barePath(): Promise<string> {
  const folder = join(farm.folder, "bare");
  await mkdir(folder);
  for (const name of ["readlink", "dirname"]) {
    const paths = (process.env["PATH"] ?? "").split(delimiter).map((each) => join(each, name));
    await symlink(paths.find((path) => existsSync(path)) ?? "", join(folder, name));
  }
  return folder;
}

const logIn = (name: string, password: string, folder = name) =>
  as(folder, ["login", "--coordinator", coordinator, "--identity", name, "--password", password]);

it("the first user sets a password and then logs in with it, on another machine too", async () => {
  const me = JSON.parse((await farm.spell(["whoami", "--json"])).stdout) as { user_name: string };
  const first = await farm.spell(["passwd"], { input: "tall orange cat\n" });
  expect(first).toEqual({ exitCode: 0, stdout: "The password is set.\n", stderr: "" });
  const changed = await farm.spell(["passwd"], { input: "tall orange cat\nsmall green dog\n" });
  expect(changed).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await farm.spell(["passwd"], { input: "wrong wrong\nsmall blue fox\n" })).toMatchObject({
    ...{ exitCode: 1, stdout: "", stderr: "This is not your password.\n" },
  });
  expect(await logIn(me.user_name, "small green dog", "elsewhere")).toMatchObject({
    ...{ exitCode: 0, stdout: `Hello, ${me.user_name}!\n`, stderr: "" },
  });
  expect(await logIn(me.user_name, "tall orange cat", "nowhere")).toMatchObject({
    ...{ exitCode: 1, stdout: "", stderr: expect.stringContaining("is not known") },
  });
  expect(await as("nowhere", ["whoami"])).toMatchObject({ exitCode: 1 });
  // The session elsewhere ends alone.
  expect(await as("elsewhere", ["logout"])).toMatchObject({ exitCode: 0, stdout: "Bye!\n", stderr: "" });
  expect(await farm.spell(["whoami"])).toMatchObject({ exitCode: 0 });
});

it("without options a person is asked, and a token comes from a pipe or a variable", async () => {
  await farm.spell(["user", "create", "dora", "--password", "tall orange cat"]);
  const login = join(farm.folder, "dora");
  const words = ["login", "--coordinator", coordinator];
  const shown = await spellOnTerminal({ ...farm.place, login }, words, { input: "dora\rtall orange cat\r" });
  expect(shown).toMatch(/User name or e-mail[^]*Password: [^]*Hello, dora!\r\n$/);
  expect(shown.replace(/^[^]*Hello/, "")).not.toContain("orange");
  const token = /^token: (\S+)$/m.exec(await readFile(join(login, "config"), "utf8"))?.[1] ?? "";
  expect((await as("piped", words, `${token}\n`)).stdout).toBe("Hello, dora!\n");
  const env = { SPELL_DIR: join(farm.folder, "variable"), SPELL_TOKEN: token };
  expect(await farm.spell(words, { env })).toMatchObject({ exitCode: 0, stdout: "Hello, dora!\n" });
});

it("a logout ends the session at the coordinator, and logging in anew ends the one before", async () => {
  await farm.spell(["user", "create", "dora", "--password", "tall orange cat"]);
  await logIn("dora", "tall orange cat");
  const tokenOf = async () => /^token: (.+)$/m.exec(await readFile(join(farm.folder, "dora", "config"), "utf8"))?.[1];
  const alive = async (token: string | undefined) =>
    (await fetch(`${api}/v1/users/me`, { headers: { authorization: `Bearer ${token}` } })).status;
  const first = await tokenOf();
  await logIn("dora", "tall orange cat");
  const second = await tokenOf();
  expect([await alive(first), await alive(second)]).toEqual([401, 200]);
  await as("dora", ["logout"]);
  expect(await alive(second)).toBe(401);
});

describe("the operator", () => {
  it("makes users who see nothing of each other", async () => {
    const made = await farm.spell(["user", "create", "bob", "--email", "bob@example.org"], {
      input: "tall orange cat\n",
    });
    expect(made).toEqual({
      ...{ exitCode: 0, stderr: "" },
      stdout: `✨ Made user bob.\nThey log in with: spell login --coordinator ${coordinator} --identity bob\n`,
    });
    const code = join(farm.folder, "code");
    makeFolder(code);
    const run = JSON.parse((await farm.spell(["run", "-b", "-f", "--json", "true"], { cwd: code })).stdout) as {
      id: number;
    };
    expect(await logIn("bob@example.org", "tall orange cat", "bob")).toMatchObject({ stdout: "Hello, bob!\n" });
    expect(await as("bob", ["info", String(run.id)])).toMatchObject({
      ...{ exitCode: 1, stderr: `There is no run ${run.id}.\n` },
    });
    expect(JSON.parse((await as("bob", ["ps", "--json"])).stdout)).toEqual([]);
    expect((await as("bob", ["user", "list"])).stderr).toContain("Only the operator");
    expect((await farm.spell(["user", "list"])).stdout).toMatch(/^bob +bob@example\.org +\d+ \w+ ago +\d+ \w+ ago$/m);
  });

  it("gives a new password, which ends all sessions", async () => {
    await farm.spell(["user", "create", "carol", "--password", "tall orange cat"]);
    await logIn("carol", "tall orange cat");
    const reset = await farm.spell(["user", "password", "carol"], { input: "small green dog\n" });
    expect(reset).toMatchObject({ exitCode: 0, stdout: "The password of carol is set.\n" });
    expect(await as("carol", ["whoami"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("spell login"),
    });
    expect(await logIn("carol", "small green dog")).toMatchObject({ exitCode: 0 });
  });

  it.each([
    [["user", "create", "a b", "--password", "tall orange cat"], "cannot be a user name"],
    [["user", "create", "eve", "--password", "short"], "at least 8 characters"],
    [["user", "create", "eve", "--email", "x", "--password", "tall orange cat"], "not an e-mail"],
    [["user", "password", "nobody", "--password", "tall orange cat"], "There is no user nobody"],
    [["login", "--password", "x"], "Give --identity with it"],
    [["login", "--identity", "a", "--token", "b"], "not both"],
  ])("%j is refused", async (args, sentence) => {
    const result = await farm.spell(args);
    expect(result.exitCode).not.toBe(0);
    expect([result.stdout, result.stderr]).toEqual(["", expect.stringContaining(sentence)]);
  });
});

describe("access tokens and keys", () => {
  it("are made, listed and removed", async () => {
    const created = await farm.spell(["access-tokens", "create", "my ci"]);
    const token = /^Token is: (\S+)$/m.exec(created.stdout)?.[1] ?? "";
    expect(created.stdout).toMatch(
      /^New Access Token 'my ci' created on [A-Z][a-z]{2} \d\d \d\d:\d\d\nToken is: spell_user_\S+\nNOTE: .*\n$/,
    );
    const env = { SPELL_TOKEN: token, SPELL_COORDINATOR: coordinator, SPELL_DIR: join(farm.folder, "none") };
    expect(await farm.spell(["whoami"], { env })).toMatchObject({ exitCode: 0 });
    expect((await farm.spell(["access-tokens", "list"])).stdout).toMatch(
      /^name +created at +last used at\nmy ci +\d+ \w+ ago +\d+ \w+ ago\n$/,
    );
    expect(await farm.spell(["access-tokens", "create", "my ci"])).toMatchObject({
      ...{ exitCode: 1, stderr: 'You have an access token named "my ci" already.\n' },
    });
    expect(await farm.spell(["access-tokens", "delete", "my ci"])).toMatchObject({
      ...{ exitCode: 0, stdout: "Access token 'my ci' successfully deleted\n" },
    });
    expect(await farm.spell(["whoami"], { env })).toMatchObject({ exitCode: 1 });
    expect((await farm.spell(["access-tokens", "list", "--json"])).stdout).toBe("[]\n");
  });

  it("keys likewise", async () => {
    const path = join(farm.folder, "id.pub");
    await writeFile(path, `${KEY}\n`);
    expect((await farm.spell(["keys", "list"])).stdout).toBe("There were no keys found for you.\n");
    expect(await farm.spell(["keys", "add", "-f", path, "-t", "laptop"])).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
    });
    expect((await farm.spell(["keys", "list"])).stdout).toMatch(
      /^TITLE +ADDED +FINGERPRINT\nlaptop +\d+ \w+ ago +SHA256:\S{43}\n$/,
    );
    expect(await farm.spell(["keys", "add", "-f", path])).toMatchObject({
      ...{ exitCode: 1, stderr: 'This key is registered already, as "laptop".\n' },
    });
    expect(await farm.spell(["keys", "rm", "nope"])).toMatchObject({
      ...{ exitCode: 1, stderr: 'Key with title "nope" not found.\n' },
    });
    expect(await farm.spell(["keys", "rm", "laptop"])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect((await farm.spell(["keys", "list", "--json"])).stdout).toBe("[]\n");
    expect(await farm.spell(["keys", "rm"])).toMatchObject({ exitCode: 1, stderr: "There are no keys to remove.\n" });
  });

  it("a pair is made beside the login, and an earlier one is not replaced unasked", async () => {
    const path = join(farm.place.login, "spell.pem");
    await writeFile(path, "an earlier key\n");
    const kept = await farm.spell(["keys", "generate", "-t", "mine"], { input: "n\n" });
    expect(kept).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("Replace it with --force") });
    expect(await readFile(path, "utf8")).toBe("an earlier key\n");
    // Without the program that makes keys there is a sentence, and the earlier key stays.
    const without = await farm.spell(["keys", "generate", "-f"], { env: { PATH: await barePath() } });
    expect(without).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("OpenSSH") });
    expect(await readFile(path, "utf8")).toBe("an earlier key\n");
    expect(await farm.spell(["keys", "generate", "-f", "-t", "mine"])).toMatchObject({ exitCode: 0, stdout: "" });
    expect(await readFile(path, "utf8")).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    // From a pipe the number is read that a person would type.
    const removed = await farm.spell(["keys", "rm", "--json"], { input: "0\n" });
    expect(JSON.parse(removed.stdout)).toMatchObject({ title: "mine" });
    expect(removed.stderr).toMatch(/^NUM +TITLE +ADDED +FINGERPRINT\n0 +mine /);
  });
});

it("a configuration that the former client wrote is understood", async () => {
  await farm.spell(["user", "create", "erin", "--password", "tall orange cat"]);
  const answer = await fetch(`${api}/v1/users/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: { user_name: "erin", password: "tall orange cat", email: "", access_token: "" } }),
  });
  const { token } = (await answer.json()) as { token: string };
  const folder = join(farm.folder, "former");
  makeFolder(folder);
  const file = `email: erin@localhost\ninclude_uncommitted: true\nowner: erin\ntoken: ${token}\ntype: global\nuser_name: erin\n`;
  await writeFile(join(folder, "config"), file);
  const [host, grpcPort] = coordinator.split(":");
  // gRPC is looked for one port below HTTP; the ports of a test lie anywhere.
  const env = { SPELL_DIR: folder, SPELL_API_URL: `http://${host}:${Number(grpcPort) + 1}` };
  const whoami = await farm.spell(["whoami"], { env });
  expect(whoami).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("erin@localhost") });
  // Logging in with our own adds to the file and leaves the other's keys alone.
  const login = ["login", "--coordinator", coordinator, "--identity", "erin", "--password", "tall orange cat"];
  expect(await farm.spell(login, { env: { SPELL_DIR: folder } })).toMatchObject({ exitCode: 0 });
  expect(await readFile(join(folder, "config"), "utf8")).toContain("include_uncommitted: true\n");
});
