import { Server, connectivityState } from "@grpc/grpc-js";
import type { ServerDuplexStream, ServerWritableStream } from "@grpc/grpc-js";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { SpellError } from "@spell/domain";
import { freePort, waitFor } from "@spell/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { callUnary, readStream } from "./calls.ts";
import {
  bearerToken,
  callMetadata,
  channelCredentials,
  channelOptions,
  serverCredentials,
  serverOptions,
} from "./channel.ts";
import { AccountServiceClient, AccountServiceService } from "./gen/spell/v1/account.ts";
import type { AccountServiceServer } from "./gen/spell/v1/account.ts";
import { RunServiceClient, RunServiceService } from "./gen/spell/v1/run.ts";
import type { RunServiceServer, StreamLogsRequest, StreamLogsResponse } from "./gen/spell/v1/run.ts";
import { toServiceError } from "./status.ts";

type Handlers = { whoAmI?: AccountServiceServer["whoAmI"]; streamLogs?: RunServiceServer["streamLogs"] };

/** A real server with the two calls that the tests need. */
async function serve(handlers: Handlers, port = 0): Promise<AsyncDisposable & { address: string; port: number }> {
  const server = new Server(serverOptions());
  if (handlers.whoAmI) server.addService({ whoAmI: AccountServiceService.whoAmI }, { whoAmI: handlers.whoAmI });
  if (handlers.streamLogs) {
    server.addService({ streamLogs: RunServiceService.streamLogs }, { streamLogs: handlers.streamLogs });
  }
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, serverCredentials(), (error, actual) =>
      error === null ? resolve(actual) : reject(error),
    );
  });
  return {
    address: `127.0.0.1:${bound}`,
    port: bound,
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}

function account(address: string): Disposable & { client: AccountServiceClient } {
  const client = new AccountServiceClient(address, channelCredentials(), channelOptions(address));
  return { client, [Symbol.dispose]: () => client.close() };
}

const metadata = callMetadata("secret");
const nora = {
  ...{ userName: "nora", email: "", fullName: "nora", createdAtMs: 7, lastLoginAtMs: 0 },
  ...{ hasPassword: false, operator: false },
};

describe("callUnary", () => {
  test("carries the token and answers", async () => {
    let seen: string | undefined;
    await using server = await serve({
      whoAmI: (call, reply) => {
        seen = bearerToken(call.metadata);
        reply(null, nora);
      },
    });
    using to = account(server.address);
    expect(await callUnary(to.client.whoAmI.bind(to.client), {}, { metadata })).toEqual(nora);
    expect(seen).toBe("secret");
  });

  test("turns a refusal into the server's SpellError, and does not repeat it", async () => {
    let calls = 0;
    await using server = await serve({
      whoAmI: (_call, reply) => {
        calls += 1;
        reply(
          toServiceError(new SpellError("unauthenticated", "Unknown token – log in again.", { reason: "bad-token" })),
        );
      },
    });
    using to = account(server.address);
    const call = callUnary(to.client.whoAmI.bind(to.client), {}, { metadata, retryForMs: 5_000 });
    await expect(call).rejects.toMatchObject({
      code: "unauthenticated",
      reason: "bad-token",
      message: expect.stringContaining("log in"),
    });
    expect(calls).toBe(1);
  });

  test("without leave to retry, fails at once when nobody listens", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    using to = account(address);
    await expect(callUnary(to.client.whoAmI.bind(to.client), {}, { metadata, address })).rejects.toMatchObject({
      code: "unavailable",
      reason: "unreachable",
      message: expect.stringContaining(address),
    });
  });

  test("with leave to retry, waits for the server to come", async () => {
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    using to = account(address);
    const call = callUnary(to.client.whoAmI.bind(to.client), {}, { metadata, address, retryForMs: 15_000 });
    await waitFor(
      "a first failure",
      () => to.client.getChannel().getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE,
    );
    await using _server = await serve({ whoAmI: (_call, reply) => reply(null, nora) }, port);
    expect(await call).toEqual(nora);
  });

  test("says why nobody answered, also when the last try runs out of time", async () => {
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    using to = account(address);
    const call = callUnary(to.client.whoAmI.bind(to.client), {}, { metadata, address, retryForMs: 1_000 });
    call.catch(() => undefined);
    await waitFor(
      "a first failure",
      () => to.client.getChannel().getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE,
    );
    // From now on somebody takes the connection and never says a word.
    const held: Socket[] = [];
    const silent = createServer((socket) => void held.push(socket)).listen(port, "127.0.0.1");
    onTestFinished(() => {
      silent.close();
      for (const socket of held) socket.destroy();
    });
    await expect(call).rejects.toMatchObject({
      reason: "unreachable",
      message: expect.stringContaining("nothing listens"),
    });
  });

  test("gives up in time: retries are bounded", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    using to = account(address);
    const startedAt = Date.now();
    const call = callUnary(to.client.whoAmI.bind(to.client), {}, { metadata, retryForMs: 400 });
    await expect(call).rejects.toMatchObject({ code: "unavailable" });
    expect(Date.now() - startedAt).toBeLessThan(4_000);
  });

  test("a deadline and an abort end a call that is never answered", async () => {
    await using server = await serve({ whoAmI: () => undefined });
    using to = account(server.address);
    const method = to.client.whoAmI.bind(to.client);
    await expect(callUnary(method, {}, { metadata, deadlineMs: 100 })).rejects.toMatchObject({
      reason: "deadline-exceeded",
    });
    const abort = new AbortController();
    const call = callUnary(method, {}, { metadata, signal: abort.signal, retryForMs: 10_000 });
    abort.abort();
    await expect(call).rejects.toMatchObject({ reason: "cancelled" });
    await expect(callUnary(method, {}, { metadata, signal: abort.signal })).rejects.toMatchObject({
      reason: "cancelled",
    });
  });
});

describe("readStream", () => {
  const message = (nextOffset: number): StreamLogsResponse => ({ entries: [], nextOffset, finished: false });
  type LogStream = ServerWritableStream<StreamLogsRequest, StreamLogsResponse> | ServerDuplexStream<never, never>;

  test("yields in order, then the server's error", async () => {
    await using server = await serve({
      streamLogs: (call) => {
        call.write(message(1));
        call.write(message(2));
        call.emit("error", toServiceError(new SpellError("not-found", "No run 9.")));
      },
    });
    const client = new RunServiceClient(server.address, channelCredentials(), channelOptions(server.address));
    const seen: number[] = [];
    const read = async (): Promise<void> => {
      const request = { runId: 9, offset: 0, follow: true };
      for await (const { nextOffset } of readStream(client.streamLogs.bind(client), request, { metadata })) {
        seen.push(nextOffset);
      }
    };
    await expect(read()).rejects.toMatchObject({ code: "not-found", message: "No run 9." });
    expect(seen).toEqual([1, 2]);
    client.close();
  });

  test("cancels on the server when the reader leaves, and when it aborts", async () => {
    const open = new Set<LogStream>();
    await using server = await serve({
      streamLogs: (call) => {
        open.add(call);
        call.on("cancelled", () => open.delete(call));
        call.write(message(1));
      },
    });
    const client = new RunServiceClient(server.address, channelCredentials(), channelOptions(server.address));
    const request = { runId: 1, offset: 0, follow: true };
    for await (const first of readStream(client.streamLogs.bind(client), request, { metadata })) {
      expect(first.nextOffset).toBe(1);
      expect(open.size).toBe(1);
      break;
    }
    await waitFor("the server to see the cancellation", () => open.size === 0);
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      const context = { metadata, signal: abort.signal };
      for await (const _ of readStream(client.streamLogs.bind(client), request, context)) abort.abort();
    };
    await expect(read()).rejects.toMatchObject({ reason: "cancelled" });
    await waitFor("the server to see the abort", () => open.size === 0);
    client.close();
  });
});
