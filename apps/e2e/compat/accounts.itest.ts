/** Accounts: logins, passwords, access tokens, keys. */
import { execFileSync } from "node:child_process";
import { userInfo } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { callsOfNoArea } from "./support/calls.ts";
import { area } from "./support/scenario.ts";

const user = userInfo().username;

area("accounts", { farm: { args: ["--allow-signup"] } }, ({ scenario, clients }) => {
  scenario("keys", async ({ client, cli }) => {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(client.folder, "id")]);
    expect((await cli("add", ["keys", "add", "-f", "id.pub", "-t", "laptop"])).exitCode).toBe(0);
    const print = execFileSync("ssh-keygen", ["-lf", join(client.folder, "id.pub")], { encoding: "utf8" }).split(
      " ",
    )[1];
    expect((await cli("list", ["keys", "list"])).stdout).toContain(print);
    expect((await cli("add again", ["keys", "add", "-f", "id.pub", "-t", "again"])).exitCode).toBe(1);
    expect((await cli("rm", ["keys", "rm", "laptop"])).exitCode).toBe(0);
    expect((await cli("rm again", ["keys", "rm", "laptop"])).exitCode).toBe(1);
    expect((await cli("list none", ["keys", "list"])).stdout).not.toContain("laptop");
  });

  scenario("logins and passwords", async ({ client, cli }) => {
    const set = await client.farm.spell(["passwd"], { input: "a good password\na good password\n" });
    expect(set.exitCode, set.stderr).toBe(0);
    const login = (step: string, name: string, password: string) =>
      cli(step, ["login", "--identity", name, "--password", password]);
    expect((await login("login", user, "a good password")).stdout).toContain(`Hello, ${user}!`);
    expect((await login("wrong password", user, "wrong")).exitCode).toBe(1);
    expect((await login("login again", user, "a good password")).exitCode).toBe(0);
    const input = "a good password\nanother password\nanother password\n";
    expect((await cli("passwd", ["passwd"], { input })).exitCode).toBe(0);
    expect((await cli("wrong old password", ["passwd"], { input })).exitCode).toBe(1);
    expect((await login("former password", user, "a good password")).exitCode).toBe(1);
    expect((await login("by e-mail", `${user}@localhost`, "another password")).exitCode).toBe(0);
    expect((await cli("whoami", ["whoami"])).stdout).toContain(user);
    await cli("whoami --raw", ["whoami", "--raw"]);
    expect((await cli("owner", ["owner"])).stdout).toContain(user);
    expect((await cli("owner by name", ["owner", user])).exitCode).toBe(0);
    expect((await cli("other owner", ["owner", "nobody-known"])).exitCode).toBe(1);
  });

  scenario("access tokens", async ({ cli, python }) => {
    const made = await cli("create", ["access-tokens", "create", "ci"]);
    expect(made.exitCode).toBe(0);
    const token = /spell_\S+/.exec(made.stdout)?.[0] ?? "";
    expect((await cli("create again", ["access-tokens", "create", "ci"])).exitCode).toBe(1);
    expect((await cli("list", ["access-tokens", "list"])).stdout).toContain("ci");
    const env = { SPELL_TOKEN: token, SPELL_OWNER: user };
    const script = "import spell.client\nprint(spell.client.from_environment().runs.list())";
    expect((await python("use", script, { env })).stdout).toBe("[]\n");
    expect((await cli("delete", ["access-tokens", "delete", "ci"])).exitCode).toBe(0);
    expect((await python("use a deleted one", script, { env })).exitCode).toBe(1);
    expect((await cli("delete again", ["access-tokens", "delete", "ci"])).exitCode).toBe(1);
    expect((await cli("list none", ["access-tokens", "list"])).exitCode).toBe(0);
  });

  scenario("what is not offered", async ({ cli }) => {
    for (const words of [
      ["cluster", "list"],
      ["server", "list"],
      ["jupyter", "-f", "nb"],
    ]) {
      const { exitCode, stdout, stderr } = await cli(words.slice(0, 2).join(" "), words);
      expect(exitCode).toBe(1);
      expect(stdout + stderr).toMatch(/This Spell/);
      expect(stdout + stderr).not.toMatch(/Traceback|Fatal exception/);
    }
  });

  scenario("what only the historical client asks", async ({ cli, python, isHistorical }) => {
    if (!isHistorical) return;
    const { stdout } = await python(
      "library",
      `import spell.client
client = spell.client.from_environment()
user = client.api.create("newcomer", "new@example.org", "a good password", None)
print(user.user_name, user.email)
key = client.api.get_keys()[0]
print(client.api.get_key(key.id).fingerprint == key.fingerprint)
print(client.api.create_access_token("login"))
`,
    );
    expect(stdout).toMatch(/^newcomer new@example.org\nTrue\n/);
    const token = /spell_[\w-]+/.exec(stdout)?.[0] ?? "";
    const again = await cli("by token", ["login"], {
      env: { SPELL_TOKEN: token, SPELL_OWNER: user },
      input: `y\n${user}@localhost\n`,
    });
    expect(again, again.stderr).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Hello") });
    expect((await cli("curl", ["curl", "/v1/users/me"])).stdout).toContain(`"user_name":"${user}"`);
    expect((await cli("feedback", ["feedback", "thank you"])).exitCode).toBe(0);
    // Ours tells how the farm is; this one asks for bills.
    const status = await cli("status", ["status"]);
    expect(status).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("your own") });
    expect((await cli("logout", ["logout"])).exitCode).toBe(0);
  });

  it("asks, with all other areas, every call that the coordinator serves", async () => {
    expect(await callsOfNoArea(clients().tap.url)).toEqual([]);
  });
});
