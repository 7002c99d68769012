/** HTTP: users, their sessions, passwords and access tokens. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import type { Services } from "../services.ts";
import { callerOf, tokenOf } from "./owner.ts";
import { optional } from "./schema.ts";
import type { TypedServer } from "./typed.ts";
import { wireTime, wireUser } from "./wire.ts";

const NewUser = Type.Object({
  user_name: Type.String(),
  password: Type.String(),
  email: Type.String(),
  full_name: optional(Type.String()),
  terms_accepted: optional(Type.Boolean()),
});
/** Clients send all of them, the unused ones empty. */
const Login = Type.Object({
  user_name: optional(Type.String()),
  email: optional(Type.String()),
  password: optional(Type.String()),
  access_token: optional(Type.String()),
});
const AccessTokenName = Type.Object({ name: Type.String() });

export function addAccountRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { accounts, accessTokens, log } = services;

  server.post("/users", { schema: { body: Type.Object({ user: NewUser }) } }, async (request) => {
    const { user_name: userName, email, full_name: fullName, password } = request.body.user;
    const user = await accounts.signUp({ userName, email, fullName: fullName ?? "", password }, request.ip);
    return { user: wireUser(user) };
  });

  // Whoever logs in may still send the token of an old session: it is not looked at.
  server.post("/users/login", { schema: { body: Type.Object({ user: Login }) } }, async (request) => {
    const { user_name: name, email, password, access_token: accessToken } = request.body.user;
    const login = { identity: name || email || "", password: password ?? "", accessToken: accessToken ?? "" };
    const { user, token } = await accounts.logIn(login, request.ip);
    return { user: wireUser(user), token };
  });

  server.post("/users/logout", async (request) => {
    await accounts.logOut(await callerOf(services, request), tokenOf(request) ?? "");
    return {};
  });

  server.get("/users/me", async (request) => {
    const { user } = await accounts.me(await callerOf(services, request));
    return { user: wireUser(user) };
  });

  server.post(
    "/users/me/check_password",
    { schema: { body: Type.Object({ password: Type.String() }) } },
    async (request) => {
      await accounts.checkPassword(await callerOf(services, request), request.body.password, request.ip);
      return {};
    },
  );

  server.put(
    "/users/me/change_password",
    { schema: { body: Type.Object({ old_password: optional(Type.String()), new_password: Type.String() }) } },
    async (request) => {
      const { old_password: oldPassword, new_password: newPassword } = request.body;
      await accounts.changePassword(await callerOf(services, request), {
        oldPassword: oldPassword ?? "",
        newPassword,
        token: tokenOf(request) ?? "",
        address: request.ip,
      });
      return {};
    },
  );

  server.get("/users/me/access_tokens", async (request) => {
    const tokens = await accessTokens.list(await callerOf(services, request));
    // Clients know these three keys and crash on a fourth.
    return {
      access_tokens: tokens.map(({ name, createdAtMs, lastUsedAtMs }) => ({
        name,
        created_at: wireTime(createdAtMs),
        last_used_at: lastUsedAtMs === undefined ? null : wireTime(lastUsedAtMs),
      })),
    };
  });

  server.post("/users/me/access_tokens", { schema: { body: AccessTokenName } }, async (request) => {
    const { token, createdAtMs } = await accessTokens.create(await callerOf(services, request), request.body.name);
    return { token, created_at: wireTime(createdAtMs) };
  });

  server.delete("/users/me/access_tokens", { schema: { body: AccessTokenName } }, async (request) => {
    await accessTokens.remove(await callerOf(services, request), request.body.name);
    return {};
  });

  // There is no company to send it to: who runs this farm finds it in the coordinator's log.
  server.post(
    "/feedback",
    { schema: { body: Type.Object({ content: Type.String({ minLength: 1, maxLength: 10_000 }) }) } },
    async (request) => {
      const { userName } = await callerOf(services, request);
      log.info({ user: userName, feedback: request.body.content }, "feedback of a user");
      return {};
    },
  );
}
