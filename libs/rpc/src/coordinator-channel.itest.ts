import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { Server } from "@grpc/grpc-js";
import type { sendUnaryData } from "@grpc/grpc-js";
import { SpellError } from "@spell/domain";
import { TcpRelay, freePort, waitFor } from "@spell/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { callUnary } from "./calls.ts";
import { callMetadata, channelCredentials, serverCredentials, serverOptions } from "./channel.ts";
import { CoordinatorChannel, NOT_LEADER, STANDBY } from "./coordinator-channel.ts";
import { AccountServiceClient, AccountServiceService, WhoAmIResponse } from "./gen/spell/v1/account.ts";
import { toServiceError } from "./status.ts";

/** A coordinator that names itself in its answers, or refuses with this error. */
class Named implements AsyncDisposable {
  calls = 0;
  refusal: SpellError | undefined;
  port = 0;
  readonly #server = new Server(serverOptions());

  static async start(name: string, port = 0): Promise<Named> {
    const named = new Named();
    named.#server.addService(
      { whoAmI: AccountServiceService.whoAmI },
      {
        whoAmI: (_call: unknown, reply: sendUnaryData<WhoAmIResponse>) => {
          named.calls += 1;
          if (named.refusal) reply(toServiceError(named.refusal));
          else reply(null, WhoAmIResponse.fromPartial({ userName: name }));
        },
      },
    );
    named.port = await new Promise<number>((resolve, reject) => {
      named.#server.bindAsync(`127.0.0.1:${port}`, serverCredentials(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    onTestFinished(() => named.#server.forceShutdown());
    return named;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

const standby = new SpellError("unavailable", "Another coordinator leads.", { reason: STANDBY });

function clientOf(addresses: string[]): { channel: CoordinatorChannel; who: (retryForMs?: number) => Promise<string> } {
  const channel = new CoordinatorChannel(addresses);
  onTestFinished(() => channel.close());
  const client = new AccountServiceClient("all", channelCredentials(), { channelOverride: channel });
  return {
    channel,
    who: async (retryForMs = 10_000) => {
      const context = { metadata: callMetadata("t"), retryForMs, longestPauseMs: channel.longestPauseMs };
      return (await callUnary(client.whoAmI.bind(client), {}, context)).userName;
    },
  };
}

describe("a channel to several coordinators", () => {
  test("leaves a standby for the one that leads, and stays there", async () => {
    const [a, b] = [await Named.start("a"), await Named.start("b")];
    a.refusal = standby;
    const { channel, who } = clientOf([a.address, b.address]);
    expect([await who(), await who(), await who()]).toEqual(["b", "b", "b"]);
    expect([a.calls, b.calls, channel.current]).toEqual([1, 3, b.address]);
  });

  test("goes round until one of them leads", async () => {
    const [a, b] = [await Named.start("a"), await Named.start("b")];
    a.refusal = standby;
    b.refusal = new SpellError("unavailable", "I led.", { reason: NOT_LEADER });
    const { who } = clientOf([a.address, b.address]);
    const answer = who();
    await waitFor("both to be asked twice", () => a.calls > 1 && b.calls > 1);
    a.refusal = undefined;
    expect(await answer).toBe("a");
  });

  test("leaves one that is gone, and one that takes connections and never says a word", async () => {
    const held: Socket[] = [];
    const silent = createServer((socket) => void held.push(socket)).listen(0, "127.0.0.1");
    onTestFinished(() => {
      silent.close();
      for (const socket of held) socket.destroy();
    });
    await waitFor("it to listen", () => silent.listening);
    const b = await Named.start("b");
    const gone = `127.0.0.1:${await freePort()}`;
    const stopped = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    expect(await clientOf([gone, stopped, b.address]).who()).toBe("b");
  });

  test("leaves one that falls silent while it holds a call", async () => {
    const [a, b] = [await Named.start("a"), await Named.start("b")];
    await using relay = await TcpRelay.start({ host: "127.0.0.1", port: a.port });
    const { who } = clientOf([`127.0.0.1:${relay.port}`, b.address]);
    expect(await who()).toBe("a");
    relay.passage = "swallow";
    expect(await who()).toBe("b");
    expect(a.calls).toBe(1);
  });

  test("stays with a leader that cannot do something just now, and with one that refuses", async () => {
    const [a, b] = [await Named.start("a"), await Named.start("b")];
    const { channel, who } = clientOf([a.address, b.address]);
    for (const refusal of [
      new SpellError("unavailable", "The store is away.", { reason: "store-unavailable" }),
      new SpellError("forbidden", "No.", { reason: "no" }),
    ]) {
      a.refusal = refusal;
      await expect(who(0)).rejects.toMatchObject({ reason: refusal.reason });
      expect(channel.current).toBe(a.address);
    }
    expect(b.calls).toBe(0);
  });

  test("learns of new ones, and forgets those that are no more", async () => {
    const [a, b, c] = [await Named.start("a"), await Named.start("b"), await Named.start("c")];
    const { channel, who } = clientOf([a.address]);
    expect(await who()).toBe("a");
    expect(channel.learn([b.address, a.address])).toBe(true);
    expect(await who()).toBe("a");
    a.refusal = standby;
    expect(await who()).toBe("b");
    expect(channel.learn([c.address])).toBe(false);
    expect(await who()).toBe("c");
    channel.learn([]);
    expect(channel.addresses).toEqual([c.address]);
  });

  test("with one address fails at once and says why, as any channel", async () => {
    const { who } = clientOf([`127.0.0.1:${await freePort()}`]);
    await expect(who(0)).rejects.toMatchObject({ reason: "unreachable", message: expect.stringContaining("nothing") });
  });
});
