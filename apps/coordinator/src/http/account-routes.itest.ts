import { describe, expect, it } from "vitest";
import { connectAgent } from "../test-support/agent.ts";
import { ask, newRun, post } from "../test-support/api.ts";
import type { Answer } from "../test-support/api.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";

const refusal = (status: number, code: string) => ({
  status,
  body: { status: "error", error: expect.stringMatching(/^[A-Z].+\.$/s), code },
});
const OK = { status: 200, body: {} };
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

const carol = { user_name: "carol", email: "carol@example.org", password: "tall orange cat" };
const openToAll = () => openWorld(undefined, { allowSignup: true });

function signUp(world: World, user: object): Promise<Answer> {
  return ask(world, "users", { body: { user: { ...carol, ...user }, recaptcha_token: null }, token: "" });
}

function logIn(world: World, user: object, token = ""): Promise<Answer> {
  const unused = { user_name: "", password: "", email: "", access_token: "" };
  return ask(world, "users/login", { body: { user: { ...unused, ...user } }, token });
}

async function session(world: World, user: object = { user_name: "carol", password: carol.password }): Promise<string> {
  const answer = await logIn(world, user);
  expect(answer.status).toBe(200);
  return String(answer.body["token"]);
}

describe("signing up", () => {
  it("is refused unless the coordinator allows it", async () => {
    await using world = await openWorld();
    expect(await signUp(world, {})).toEqual(refusal(403, "no-signup"));
    expect(await logIn(world, carol)).toEqual(refusal(401, "bad-login"));
  });

  it("makes a user who can log in by name or e-mail and own runs", async () => {
    await using world = await openToAll();
    const user = {
      ...{ user_name: "carol", email: "carol@example.org", full_name: "Carol C." },
      ...{ created_at: TIME, updated_at: TIME, last_logged_in: null },
    };
    expect(await signUp(world, { full_name: "Carol C.", terms_accepted: true })).toEqual({
      status: 200,
      body: { user },
    });
    for (const identity of [{ user_name: "carol" }, { user_name: "CAROL" }, { email: "Carol@example.org" }]) {
      const answer = await logIn(world, { ...identity, password: carol.password });
      expect(answer).toMatchObject({ status: 200, body: { user: { user_name: "carol" }, token: expect.any(String) } });
    }
    const token = await session(world);
    const created = await ask(world, "runs/carol", { body: { command: "true" }, token });
    expect(created.body["run"]).toMatchObject({ creator: { user_name: "carol", full_name: "Carol C." } });
    expect(await ask(world, "runs/ann", { token })).toEqual(refusal(404, "no-such-owner"));
    expect((await ask(world, "users/me", { token })).body).toMatchObject({ user: { last_logged_in: TIME } });
  });

  it.each([
    [{ user_name: "" }, 400, "bad-user-name"],
    [{ user_name: "a/b" }, 400, "bad-user-name"],
    [{ user_name: "../ann" }, 400, "bad-user-name"],
    [{ user_name: "x".repeat(64) }, 400, "bad-user-name"],
    [{ user_name: "a@b" }, 400, "bad-user-name"],
    [{ user_name: "ann\n" }, 400, "bad-user-name"],
    [{ user_name: "Ann" }, 409, "user-name-taken"],
    [{ email: "nowhere" }, 400, "bad-email"],
    [{ email: "a b@c" }, 400, "bad-email"],
    [{ email: `${"x".repeat(300)}@c` }, 400, "bad-email"],
    [{ email: "ANN@example.org" }, 409, "email-taken"],
    [{ full_name: "a\u0000b" }, 400, "bad-name"],
    [{ password: "short" }, 400, "bad-password"],
    [{ password: "x".repeat(5_000) }, 400, "bad-password"],
    [{ password: 12345678 }, 400, "bad-request"],
    [{ user_name: null }, 400, "bad-request"],
  ])("with %j is refused", async (user, status, code) => {
    await using world = await openToAll();
    const answer = await signUp(world, user);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ status: "error", error: expect.any(String), code });
  });
});

describe("logging in", () => {
  it("makes a session each time, and logging out ends that one alone", async () => {
    await using world = await openToAll();
    await signUp(world, {});
    const [first, second] = [await session(world), await session(world)];
    expect(first).not.toBe(second);
    expect(await post(world, "users/logout", second)).toEqual(OK);
    expect(await ask(world, "users/me", { token: second })).toEqual(refusal(401, "bad-token"));
    expect(await post(world, "users/logout", second)).toEqual(refusal(401, "bad-token"));
    expect((await ask(world, "users/me", { token: first })).status).toBe(200);
  });

  it("does not mind the token of an old session", async () => {
    await using world = await openToAll();
    await signUp(world, {});
    expect((await logIn(world, carol, "spell_user_old")).status).toBe(200);
  });

  it("says the same to a wrong password and to an unknown user, and a user without a password has none to guess", async () => {
    await using world = await openToAll();
    await signUp(world, {});
    const wrong = await logIn(world, { user_name: "carol", password: "wrong wrong" });
    expect(wrong).toEqual(refusal(401, "bad-login"));
    for (const user of [{ user_name: "nobody" }, { email: "no@body" }, { user_name: "ann" }, {}]) {
      for (const password of ["", "wrong wrong", "x".repeat(100_000)]) {
        expect(await logIn(world, { ...user, password })).toEqual(wrong);
      }
    }
  });

  it("is limited: ten wrong passwords of one user, also when they come at once, and others are let in", async () => {
    await using world = await openToAll();
    await signUp(world, {});
    await signUp(world, { user_name: "dave", email: "dave@example.org" });
    const guesses = Array.from({ length: 12 }, () => logIn(world, { user_name: "carol", password: "wrong wrong" }));
    const statuses = (await Promise.all(guesses)).map(({ status }) => status).sort();
    expect(statuses.slice(0, 9)).toEqual(Array(9).fill(401));
    expect(statuses.at(-1)).toBe(429);
    expect(await logIn(world, carol)).toEqual(refusal(429, "too-many-attempts"));
    expect(await logIn(world, { ...carol, user_name: "Carol" })).toEqual(refusal(429, "too-many-attempts"));
    expect((await logIn(world, { user_name: "dave", password: carol.password })).status).toBe(200);
  });

  it("right does not use the attempts up", async () => {
    await using world = await openToAll();
    await signUp(world, {});
    for (let each = 0; each < 12; each += 1) await session(world);
  });
});

describe("passwords", () => {
  it("are checked and changed; other sessions end, access tokens stay", async () => {
    await using world = await openToAll();
    await signUp(world, {});
    const [here, elsewhere] = [await session(world), await session(world)];
    const made = await ask(world, "users/me/access_tokens", { body: { name: "ci" }, token: here });
    const check = (password: unknown) => ask(world, "users/me/check_password", { body: { password }, token: here });
    const change = (body: object) => ask(world, "users/me/change_password", { method: "PUT", body, token: here });
    expect(await check(carol.password)).toEqual(OK);
    expect(await check("wrong wrong")).toEqual(refusal(403, "wrong-password"));
    expect((await check(7)).status).toBe(400);
    const next = "small green dog";
    expect(await change({ old_password: "wrong wrong", new_password: next })).toEqual(refusal(403, "wrong-password"));
    expect(await change({ old_password: carol.password, new_password: "short" })).toEqual(refusal(400, "bad-password"));
    expect(await change({ old_password: carol.password, new_password: next })).toEqual(OK);
    expect((await ask(world, "users/me", { token: here })).status).toBe(200);
    expect((await ask(world, "users/me", { token: elsewhere })).status).toBe(401);
    expect((await ask(world, "users/me", { token: String(made.body["token"]) })).status).toBe(200);
    expect(await logIn(world, carol)).toEqual(refusal(401, "bad-login"));
    await session(world, { user_name: "carol", password: next });
  });

  it("of a user without one: the first is set by whoever holds their token, and later ones ask for the old", async () => {
    await using world = await openWorld();
    const change = (old: string | null, password: string) =>
      ask(world, "users/me/change_password", { method: "PUT", body: { old_password: old, new_password: password } });
    expect(await ask(world, "users/me/check_password", { body: { password: "" } })).toEqual(
      refusal(403, "no-password"),
    );
    expect(await change(null, "tall orange cat")).toEqual(OK);
    expect((await ask(world, "users/me")).status).toBe(200);
    expect(await change(null, "small green dog")).toEqual(refusal(403, "wrong-password"));
    await session(world, { user_name: "ann", password: "tall orange cat" });
  });
});

describe("access tokens", () => {
  it("stand for the user as bearer and at login, are listed without the token, and end when deleted", async () => {
    await using world = await openWorld();
    const path = "users/me/access_tokens";
    const { status, body } = await ask(world, path, { body: { name: "my ci" } });
    expect([status, body]).toEqual([200, { token: expect.stringMatching(/^spell_user_/), created_at: TIME }]);
    const token = String(body["token"]);
    const item = { name: "my ci", created_at: TIME, last_used_at: null };
    expect((await ask(world, path)).body).toEqual({ access_tokens: [item] });
    expect((await ask(world, "users/me", { token })).body).toMatchObject({ user: { user_name: "ann" } });
    expect((await ask(world, path)).body).toEqual({ access_tokens: [{ ...item, last_used_at: TIME }] });
    const login = await logIn(world, { access_token: token });
    expect(login.body).toMatchObject({ user: { user_name: "ann" } });
    expect(login.body["token"]).not.toBe(token);
    expect(await post(world, "users/logout", token)).toEqual(OK);
    expect((await ask(world, "users/me", { token })).status).toBe(200);
    expect(await ask(world, path, { body: { name: "my ci" } })).toEqual(refusal(409, "access-token-exists"));
    expect(await ask(world, path, { method: "DELETE", body: { name: "my ci" } })).toEqual(OK);
    expect(await ask(world, path, { method: "DELETE", body: { name: "my ci" } })).toEqual(
      refusal(404, "no-such-access-token"),
    );
    expect(await ask(world, "users/me", { token })).toEqual(refusal(401, "bad-token"));
    expect(await logIn(world, { access_token: token })).toEqual(refusal(401, "bad-login"));
  });

  it.each(["", " ", "a\nb", "x".repeat(256), "a\u2028b"])("cannot be named %j", async (name) => {
    await using world = await openWorld();
    expect(await ask(world, "users/me/access_tokens", { body: { name } })).toEqual(refusal(400, "bad-name"));
  });

  it("are each user's own", async () => {
    await using world = await openWorld();
    await ask(world, "users/me/access_tokens", { body: { name: "ci" } });
    expect((await ask(world, "users/me/access_tokens", { token: world.bob })).body).toEqual({ access_tokens: [] });
    const request = { method: "DELETE", body: { name: "ci" }, token: world.bob };
    expect(await ask(world, "users/me/access_tokens", request)).toEqual(refusal(404, "no-such-access-token"));
    expect((await ask(world, "users/me/access_tokens", { body: { name: "ci" }, token: world.bob })).status).toBe(200);
  });
});

it("a run's token makes no token, sees no key and touches no password", async () => {
  await using world = await openWorld();
  using agent = await connectAgent(world);
  const token = (await agent.stream.attemptOf(await newRun(world))).spec?.environment["SPELL_TOKEN"] ?? "";
  const key = { title: "t", key: "ssh-ed25519 AAAA" };
  const routes = [
    ["users/logout", { method: "POST" }],
    ["users/me/check_password", { body: { password: "tall orange cat" } }],
    ["users/me/change_password", { method: "PUT", body: { old_password: "", new_password: "tall orange cat" } }],
    ["users/me/access_tokens", {}],
    ["users/me/access_tokens", { body: { name: "ci" } }],
    ["users/me/access_tokens", { method: "DELETE", body: { name: "ci" } }],
    ["keys", {}],
    ["keys", { body: key }],
    ["keys/1", {}],
    ["keys/1", { method: "DELETE" }],
  ] as const;
  for (const [path, request] of routes) {
    expect(await ask(world, path, { ...request, token }), path).toEqual(refusal(403, "users-only"));
    expect(await ask(world, path, { ...request, token: "" }), path).toEqual(refusal(401, "no-token"));
  }
  expect(await logIn(world, { access_token: token })).toEqual(refusal(401, "bad-login"));
});

describe("public keys", () => {
  // Made for this test with ssh-keygen, which says the fingerprint.
  const text = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINkMsXJnUTqEoICr9XZBKnVpieQD4MQryBBGFKR5gjDh me@host";
  const fingerprint = "SHA256:ueAVcndt2SayPyaIeUpd0DWAT8OiYiMbGhphbczcmiY";

  it("are registered once, listed, found and removed; others' do not exist", async () => {
    await using world = await openWorld();
    const made = await ask(world, "keys", { body: { title: "laptop", key: `${text}\n` } });
    const key = { id: expect.any(Number), title: "laptop", fingerprint, verified: true, created_at: TIME };
    expect(made).toEqual({ status: 200, body: { key } });
    const { id } = made.body["key"] as { id: number };
    expect((await ask(world, "keys")).body).toEqual({ keys: [key] });
    expect((await ask(world, `keys/${id}`)).body).toEqual({ key });
    expect(await ask(world, "keys", { body: { title: "again", key: text } })).toEqual(refusal(409, "key-exists"));
    expect((await ask(world, "keys", { token: world.bob })).body).toEqual({ keys: [] });
    for (const method of ["GET", "DELETE"]) {
      expect(await ask(world, `keys/${id}`, { method, token: world.bob })).toEqual(refusal(404, "no-such-key"));
    }
    expect(await ask(world, `keys/${id}`, { method: "DELETE" })).toEqual(OK);
    expect(await ask(world, `keys/${id}`, { method: "DELETE" })).toEqual(refusal(404, "no-such-key"));
    expect(await ask(world, "keys/x")).toEqual(refusal(400, "bad-id"));
  });

  it.each(["", " ", "a\nb", "x".repeat(256)])("cannot be titled %j", async (title) => {
    await using world = await openWorld();
    expect(await ask(world, "keys", { body: { title, key: text } })).toEqual(refusal(400, "bad-name"));
  });

  it("are nothing else", async () => {
    await using world = await openWorld();
    for (const key of ["", "x", text.slice(0, -20), "-----BEGIN OPENSSH PRIVATE KEY-----", `${text}\n${text}`]) {
      expect(await ask(world, "keys", { body: { title: "t", key } }), key).toEqual(refusal(400, "bad-key"));
    }
  });
});

describe("what is not offered", () => {
  it.each([
    ["billing/ann/status", /nothing is billed/],
    ["features/ann", /no cloud clusters and no model servers/],
    ["model_servers/ann", /no model servers/],
    ["jupyter_workspaces/ann", /no Jupyter/],
    ["organizations", /no organizations/],
    ["constructor", /does not offer GET/],
  ])("%s is refused by name", async (path, error) => {
    await using world = await openWorld();
    const body = { status: "error", error: expect.stringMatching(error), code: "not-offered" };
    expect(await ask(world, path)).toEqual({ status: 404, body });
  });

  it("feedback goes to the coordinator's log", async () => {
    await using world = await openWorld();
    expect(await ask(world, "feedback", { body: { content: "more GPUs, please" } })).toEqual(OK);
    for (const content of ["", "x".repeat(20_000)]) {
      expect((await ask(world, "feedback", { body: { content } })).status).toBe(400);
    }
  });
});
