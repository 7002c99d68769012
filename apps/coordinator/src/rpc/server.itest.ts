import { Metadata, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import type { SpellError } from "@spell/domain";
import {
  CORRELATION_METADATA_KEY,
  MAX_MESSAGE_BYTES,
  RunServiceService,
  RunSpec,
  callMetadata,
  readStream,
} from "@spell/rpc";
import type { RunStore } from "@spell/run-store";
import { HttpFront } from "../http/http-front.ts";
import { standsBy } from "../leadership/lead.ts";
import { callAny } from "../test-support/any-call.ts";
import { TestStream, joinAgent, OFFER } from "../test-support/agent.ts";
import { ask, newRun } from "../test-support/api.ts";
import { waitFor } from "@spell/testing";
import { call, openWorld, replacing } from "../test-support/world.ts";
import type { World } from "../test-support/world.ts";
import { GrpcFront } from "./grpc-front.ts";

const unaryMethod = (path: string) => ({ path, requestStream: false, responseStream: false });
const getRun = { ...RunServiceService.getRun };

async function isAlive(world: World): Promise<boolean> {
  return (await call(world.accounts.whoAmI.bind(world.accounts), {}, world.ann)).userName === "ann";
}

/** A record in which one call meets a bug. */
function broken(name: keyof RunStore): (store: RunStore) => RunStore {
  return (store) => replacing(store, name, () => Promise.reject(new TypeError("a secret of the inside")));
}

describe("the gRPC server", () => {
  it("tells its health to whoever asks", async () => {
    await using world = await openWorld();
    const check = unaryMethod("/grpc.health.v1.Health/Check");
    // HealthCheckResponse with field 1, status, SERVING.
    expect((await callAny(world, check, new Metadata())).messages).toEqual([Buffer.from([8, 1])]);
    const nobody = await callAny(world, check, new Metadata(), Buffer.from("\n\x04nope"));
    expect(nobody.error?.code).toBe(status.NOT_FOUND);
  });

  it("tells by reflection which services there are and what their messages look like", async () => {
    await using world = await openWorld();
    const reflect = async (request: Buffer) => {
      const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
      const method = { path, requestStream: true, responseStream: true };
      return Buffer.concat((await callAny(world, method, new Metadata(), request)).messages).toString("latin1");
    };
    // ServerReflectionRequest with field 7, list_services; then with field 4, file_containing_symbol.
    const services = await reflect(Buffer.from([0x3a, 0]));
    for (const name of ["Run", "Workflow", "Tree", "Account", "Agent"]) {
      expect(services).toContain(`spell.v1.${name}Service`);
    }
    const symbol = "spell.v1.RunService";
    expect(await reflect(Buffer.from(`\x22${String.fromCharCode(symbol.length)}${symbol}`))).toContain("client_key");
  });

  it("refuses what it does not know or cannot read, and goes on", async () => {
    await using world = await openWorld();
    const token = callMetadata(world.ann);
    const answer = async (path: string, request: Buffer) => {
      return (await callAny(world, unaryMethod(path), token, request)).error?.code;
    };
    expect(await answer("/spell.v1.RunService/Nothing", Buffer.alloc(0))).toBe(status.UNIMPLEMENTED);
    expect(await answer("/elsewhere/Nothing", Buffer.alloc(0))).toBe(status.UNIMPLEMENTED);
    expect(await answer(getRun.path, Buffer.from([0xff, 0xff, 0xff]))).toBe(status.INTERNAL);
    // Field 1 with 2^63 - 1, which no number here can hold.
    expect(await answer(getRun.path, Buffer.from([8, ...Array<number>(8).fill(0xff), 0x7f]))).toBe(status.INTERNAL);
    expect(await answer(getRun.path, Buffer.alloc(MAX_MESSAGE_BYTES + 1))).toBe(status.RESOURCE_EXHAUSTED);
    expect(await isAlive(world)).toBe(true);
  });

  it("answers a mistake that is itself hostile without losing the connection", async () => {
    await using world = await openWorld();
    const { runs, trees } = world;
    const create = (machineType: string) => {
      const request = { spec: RunSpec.fromPartial({ command: "true", machineType }), clientKey: "", idempotent: false };
      return call(runs.createRun.bind(runs), request, world.ann);
    };
    const others = Array.from({ length: 5 }, () => isAlive(world));
    await expect(create("m".repeat(1_000_000))).rejects.toMatchObject({ reason: "unknown-machine-type" });
    await expect(create("é\r\n\0\u{1f600}")).rejects.toMatchObject({ reason: "unknown-machine-type" });
    const digests = [`${"a".repeat(79)}\u{1f600}`];
    const find = call(trees.findMissing.bind(trees), { digests, targets: 1, lease: undefined }, world.ann);
    await expect(find).rejects.toMatchObject({ code: "invalid-input", reason: "bad-digest" });
    expect(await Promise.all(others)).not.toContain(false);
    for (const runId of [0, -1, 1e9, Number.MAX_SAFE_INTEGER]) {
      const looking = call(runs.getRun.bind(runs), { runId }, world.ann);
      await expect(looking).rejects.toMatchObject({ reason: "no-such-run" });
    }
  });

  it("says where a port that is taken was wanted, and what to do", async () => {
    await using world = await openWorld();
    const taken = (what: string, port: string) => ({
      ...{ name: "SpellError", code: "unavailable", reason: "port-taken" },
      message: expect.stringMatching(
        new RegExp(`^Cannot serve ${what} on 127\\.0\\.0\\.1:\\d+: .*EADDRINUSE.*--${port}\\.$`, "s"),
      ),
    });
    const common = { refusal: () => standsBy(undefined), definitions: [] };
    const address = (url: string) => ({ ...common, host: "127.0.0.1", port: Number(url.split(":").at(-1)) });
    const grpc = GrpcFront.listen(address(world.grpc));
    await expect(grpc).rejects.toMatchObject(taken("gRPC", "grpc-port"));
    const http = HttpFront.listen(address(world.api));
    await expect(http).rejects.toMatchObject(taken("HTTP", "http-port"));
    const elsewhere = GrpcFront.listen({ ...common, host: "192.0.2.1", port: 0 });
    await expect(elsewhere).rejects.toMatchObject({ message: expect.stringMatching(/Check --host\.$/) });
  });
});

describe("a bug of ours", () => {
  /** What the caller saw holds nothing of the inside but the id under which the log tells more. */
  function expectHidden(world: World, error: SpellError): void {
    const metadata = (error.cause as { metadata: Metadata }).metadata;
    const id = String(metadata.get(CORRELATION_METADATA_KEY)[0]);
    expect(error).toMatchObject({ code: "internal", message: expect.stringContaining(id) });
    expect(error.message).not.toContain("secret");
    const logged = world.errors.splice(0);
    expect(logged).toEqual([[{ correlationId: id, err: expect.any(TypeError) }, "call failed"]]);
  }
  const thrown = async (failing: Promise<unknown>) =>
    failing.then(
      () => expect.unreachable("the call should fail"),
      (error: unknown) => error as SpellError,
    );

  it("is hidden from the caller of a call", async () => {
    await using world = await openWorld(broken("findToken"));
    expectHidden(world, await thrown(call(world.accounts.whoAmI.bind(world.accounts), {}, world.ann)));
  });

  it("is hidden from the reader of a stream", async () => {
    await using world = await openWorld(broken("describeLog"));
    const runId = await newRun(world);
    const { runs } = world;
    const request = { runId, offset: 0, follow: true };
    const reading = readStream(runs.streamLogs.bind(runs), request, { metadata: callMetadata(world.ann) }).next();
    expectHidden(world, await thrown(reading));
  });

  it("is hidden from an agent, whose stream it ends", async () => {
    await using world = await openWorld(broken("updateAgent"));
    const { agentToken, agentId } = await joinAgent(world);
    using stream = new TestStream(world, agentToken);
    stream.say(OFFER);
    const error = await waitFor("the stream to fail", () => stream.error);
    expectHidden(world, error);
    await waitFor("the agent to be gone", () => world.services.sessions.find(agentId) === undefined);
  });

  it("is hidden from a client of the HTTP API", async () => {
    await using world = await openWorld(broken("findToken"));
    const error = "Something went wrong inside Spell; its log tells more.";
    expect(await ask(world, "users/me")).toEqual({ status: 500, body: { status: "error", error, code: "internal" } });
    expect(world.errors.splice(0)).toEqual([[{ err: expect.any(TypeError) }, "request failed"]]);
  });
});
