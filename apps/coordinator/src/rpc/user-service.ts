/** gRPC: users, sessions, passwords, access tokens, public keys. */
import type { PublicKey, User, UserServiceServer } from "@spell/rpc";
import type { PublicKeyRecord, UserRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { addressOf, serviceError, unary } from "./handler.ts";

export function createUserService(services: Services): UserServiceServer {
  const { accounts, accessTokens, publicKeys } = services;
  return {
    logIn: (call, callback) => {
      accounts.logIn(call.request, addressOf(call)).then(
        ({ user, token }) => callback(null, { user: toUserMessage(user), token }),
        (error: unknown) => callback(serviceError(services, error)),
      );
    },
    logOut: unary(services, async (_request, { principal, token }) => {
      await accounts.logOut(principal, token);
      return {};
    }),
    changePassword: unary(services, async (request, { principal, token, address }) => {
      await accounts.changePassword(principal, { ...request, token, address });
      return {};
    }),
    createAccessToken: unary(services, (request, { principal }) => accessTokens.create(principal, request.name)),
    listAccessTokens: unary(services, async (_request, { principal }) => {
      const tokens = await accessTokens.list(principal);
      return { accessTokens: tokens.map((token) => ({ ...token, lastUsedAtMs: token.lastUsedAtMs ?? 0 })) };
    }),
    deleteAccessToken: unary(services, async (request, { principal }) => {
      await accessTokens.remove(principal, request.name);
      return {};
    }),
    addKey: unary(services, async (request, { principal }) => ({
      key: toKeyMessage(await publicKeys.add(principal, request)),
    })),
    listKeys: unary(services, async (_request, { principal }) => ({
      keys: (await publicKeys.list(principal)).map(toKeyMessage),
    })),
    getKey: unary(services, async (request, { principal }) => ({
      key: toKeyMessage(await publicKeys.get(principal, request.id)),
    })),
    deleteKey: unary(services, async (request, { principal }) => {
      await publicKeys.remove(principal, request.id);
      return {};
    }),
    createUser: unary(services, async (request, { principal }) => ({
      user: toUserMessage(await accounts.createUser(principal, request)),
    })),
    listUsers: unary(services, async (_request, { principal }) => ({
      users: (await accounts.listUsers(principal)).map(toUserMessage),
    })),
    resetPassword: unary(services, async (request, { principal }) => {
      await accounts.resetPassword(principal, request.userName, request.newPassword);
      return {};
    }),
  };
}

/** A user as clients see one. */
export function toUserMessage(user: UserRecord): User {
  return {
    userName: user.name,
    email: user.email,
    fullName: user.fullName ?? user.name,
    createdAtMs: user.createdAtMs,
    lastLoginAtMs: user.lastLoginAtMs ?? 0,
    operator: user.operator ?? false,
  };
}

function toKeyMessage({ id, title, fingerprint, createdAtMs }: PublicKeyRecord): PublicKey {
  return { id, title, fingerprint, createdAtMs };
}
