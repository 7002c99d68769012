import { describe, expect, it } from "vitest";
import { connectAgent } from "../test-support/agent.ts";
import { newRun } from "../test-support/api.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINkMsXJnUTqEoICr9XZBKnVpieQD4MQryBBGFKR5gjDh me@host";
const PASSWORD = "tall orange cat";
const carol = { userName: "carol", email: "", fullName: "", password: PASSWORD };

/** Ann is made an operator by what makes the first user of a farm one. */
async function openFarm(): Promise<World> {
  return openWorld((store) => {
    const findUser = store.findUser.bind(store);
    store.findUser = async (name) => {
      const user = await findUser(name);
      return user && { ...user, operator: name === "ann" };
    };
    return store;
  });
}

const logIn = ({ users }: World, identity: string, password: string, accessToken = "") =>
  call(users.logIn.bind(users), { identity, password, accessToken }, "");

describe("an operator", () => {
  it("makes users, lists them, and gives them new passwords, which ends their sessions", async () => {
    await using world = await openFarm();
    const { users, accounts } = world;
    const { user } = await call(users.createUser.bind(users), carol, world.ann);
    const facts = { userName: "carol", email: "carol@localhost", fullName: "carol", operator: false, lastLoginAtMs: 0 };
    expect(user).toEqual({ ...facts, createdAtMs: expect.any(Number) });
    const listed = (await call(users.listUsers.bind(users), {}, world.ann)).users;
    expect(listed.map(({ userName }) => userName)).toEqual(["ann", "bob", "carol"]);
    const { token } = await logIn(world, "carol", PASSWORD);
    expect(await call(accounts.whoAmI.bind(accounts), {}, token)).toMatchObject({
      ...{ userName: "carol", hasPassword: true, operator: false, lastLoginAtMs: expect.any(Number) },
    });
    const reset = { userName: "carol", newPassword: "small green dog" };
    await call(users.resetPassword.bind(users), reset, world.ann);
    await expect(call(accounts.whoAmI.bind(accounts), {}, token)).rejects.toMatchObject({ reason: "bad-token" });
    await expect(logIn(world, "carol", PASSWORD)).rejects.toMatchObject({
      code: "unauthenticated",
      reason: "bad-login",
    });
    await logIn(world, "carol", "small green dog");
    const nobody = call(users.resetPassword.bind(users), { ...reset, userName: "nobody" }, world.ann);
    await expect(nobody).rejects.toMatchObject({ code: "not-found", reason: "no-such-user" });
  });

  it("alone does so", async () => {
    await using world = await openFarm();
    using agent = await connectAgent(world);
    const { users } = world;
    const runToken = (await agent.stream.attemptOf(await newRun(world))).spec?.environment["SPELL_TOKEN"] ?? "";
    const reset = { userName: "ann", newPassword: "small green dog" };
    for (const [token, reason] of [
      [world.bob, "operators-only"],
      [runToken, "users-only"],
      [agent.token, "users-only"],
    ] as const) {
      const refused = { code: "forbidden", reason };
      await expect(call(users.createUser.bind(users), carol, token)).rejects.toMatchObject(refused);
      await expect(call(users.listUsers.bind(users), {}, token)).rejects.toMatchObject(refused);
      await expect(call(users.resetPassword.bind(users), reset, token)).rejects.toMatchObject(refused);
    }
    expect((await call(users.listUsers.bind(users), {}, world.ann)).users).toHaveLength(2);
  });

  it.each([
    [{ userName: "a b" }, "bad-user-name"],
    [{ email: "x" }, "bad-email"],
    [{ password: "short" }, "bad-password"],
    [{ userName: "ANN" }, "user-name-taken"],
    [{ fullName: "\u001b[2J" }, "bad-name"],
  ])("makes none with %j", async (over, reason) => {
    await using world = await openFarm();
    const { users } = world;
    const making = call(users.createUser.bind(users), { ...carol, ...over }, world.ann);
    await expect(making).rejects.toMatchObject({ reason });
  });
});

describe("a user", () => {
  it("sets a first password, logs in with it, changes it, logs out", async () => {
    await using world = await openWorld();
    const { users, accounts } = world;
    const change = (oldPassword: string, newPassword: string, token: string) =>
      call(users.changePassword.bind(users), { oldPassword, newPassword }, token);
    await change("", PASSWORD, world.ann);
    const { token, user } = await logIn(world, "ann@example.org", PASSWORD);
    expect(user).toMatchObject({ userName: "ann" });
    await expect(change("", "small green dog", token)).rejects.toMatchObject({ reason: "wrong-password" });
    await change(PASSWORD, "small green dog", token);
    await call(users.logOut.bind(users), {}, token);
    await expect(call(accounts.whoAmI.bind(accounts), {}, token)).rejects.toMatchObject({ reason: "bad-token" });
    await call(accounts.whoAmI.bind(accounts), {}, world.ann);
  });

  it("is stopped guessing after ten passwords", async () => {
    await using world = await openWorld();
    for (let each = 0; each < 10; each += 1) {
      await expect(logIn(world, "bob", `guess ${each}`)).rejects.toMatchObject({ reason: "bad-login" });
    }
    const stopped = { code: "exhausted", reason: "too-many-attempts" };
    await expect(logIn(world, "bob", "guess")).rejects.toMatchObject(stopped);
    // HTTP counts with it: it is the same address.
    const user = { user_name: "BOB", password: "guess" };
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ user });
    const answer = await fetch(`${world.api}/v1/users/login`, { method: "POST", headers, body });
    expect(answer.status).toBe(429);
  });

  it("makes, lists and deletes access tokens and keys, which are theirs alone", async () => {
    await using world = await openWorld();
    const { users } = world;
    const made = await call(users.createAccessToken.bind(users), { name: "ci" }, world.ann);
    const listed = () => call(users.listAccessTokens.bind(users), {}, world.ann);
    const { createdAtMs } = made;
    expect(await listed()).toEqual({ accessTokens: [{ name: "ci", createdAtMs, lastUsedAtMs: 0 }] });
    const { token } = await logIn(world, "", "", made.token);
    const { key } = await call(users.addKey.bind(users), { title: "t", key: KEY }, token);
    const id = key?.id ?? 0;
    expect(await call(users.listKeys.bind(users), {}, made.token)).toEqual({ keys: [key] });
    expect(await call(users.getKey.bind(users), { id }, world.ann)).toEqual({ key });
    const missing = { code: "not-found", reason: "no-such-key" };
    await expect(call(users.getKey.bind(users), { id }, world.bob)).rejects.toMatchObject(missing);
    await expect(call(users.deleteKey.bind(users), { id }, world.bob)).rejects.toMatchObject(missing);
    await call(users.deleteKey.bind(users), { id }, world.ann);
    const elsewhere = call(users.deleteAccessToken.bind(users), { name: "ci" }, world.bob);
    await expect(elsewhere).rejects.toMatchObject({ reason: "no-such-access-token" });
    await call(users.deleteAccessToken.bind(users), { name: "ci" }, world.ann);
    await expect(call(users.listKeys.bind(users), {}, made.token)).rejects.toMatchObject({ reason: "bad-token" });
    expect((await listed()).accessTokens[0]).toBeUndefined();
  });
});
