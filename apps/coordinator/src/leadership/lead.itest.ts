import { once } from "node:events";
import type { SpellError } from "@spell/domain";
import {
  AccountServiceClient,
  AgentServiceClient,
  RunServiceClient,
  SyncRequest,
  callMetadata,
  channelCredentials,
  channelOptions,
  fromServiceError,
  readStream,
} from "@spell/rpc";
import { describe, expect, it, onTestFinished } from "vitest";
import { HttpFront } from "../http/http-front.ts";
import { createHttpApi } from "../http/server.ts";
import { GrpcFront } from "../rpc/grpc-front.ts";
import { GRPC_SERVICES, serveGrpc } from "../rpc/server.ts";
import { call, openWorld } from "../test-support/world.ts";
import type { Lead } from "./lead.ts";
import { leadsNoMore, standsBy } from "./lead.ts";

/** Both ports, and what is asked of them with Ann's token. */
async function openPorts(token: string) {
  const options = { host: "127.0.0.1", port: 0, refusal: () => standsBy("gpu-box:7800") };
  const http = await HttpFront.listen(options);
  const grpc = await GrpcFront.listen({ ...options, definitions: GRPC_SERVICES });
  const address = `127.0.0.1:${grpc.port}`;
  const open = [address, channelCredentials(), channelOptions(address)] as const;
  const [accounts, runs, agents] = [
    new AccountServiceClient(...open),
    new RunServiceClient(...open),
    new AgentServiceClient(...open),
  ];
  onTestFinished(async () => {
    for (const client of [accounts, runs, agents]) client.close();
    grpc.stop();
    await http.stop();
  });
  const refusalOf = async (failing: Promise<unknown>) =>
    failing.then(
      (answer) => ({ answer }),
      (error: SpellError) => ({ code: error.code, reason: error.reason, message: error.message }),
    );
  return {
    http,
    grpc,
    get: async (path: string, method = "GET") => {
      const body = method === "GET" ? undefined : "x".repeat(1_000_000);
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`http://127.0.0.1:${http.port}${path}`, { method, headers, body });
      return { status: response.status, reason: response.headers.get("spell-reason"), body: await response.json() };
    },
    unary: () => refusalOf(call(accounts.whoAmI.bind(accounts), {}, token)),
    stream: () =>
      refusalOf(
        readStream(
          runs.streamLogs.bind(runs),
          { runId: 1, offset: 0, follow: true },
          { metadata: callMetadata(token) },
        ).next(),
      ),
    sync: async () => {
      const stream = agents.sync(callMetadata(token));
      stream.write(SyncRequest.fromPartial({}));
      stream.resume();
      const [error] = (await once(stream, "error")) as [Error];
      return refusalOf(Promise.reject(fromServiceError(error)));
    },
  };
}

const standby = {
  ...{ code: "unavailable", reason: "standby" },
  message: "This coordinator stands by: gpu-box:7800 leads. Ask the other addresses of the farm.",
};

describe("the ports of a coordinator", () => {
  it("refuse all but health while it stands by, and serve on the same connections once it leads", async () => {
    await using world = await openWorld();
    const ports = await openPorts(world.ann);
    expect(await ports.get("/healthz")).toMatchObject({ status: 200, body: { status: "ok" } });
    expect(await ports.get("/readyz")).toMatchObject({ status: 503, body: { status: "standby" } });
    const refused = { status: 503, reason: "standby", body: { code: "standby", error: standby.message } };
    for (const [path, method] of [
      ["/v1/users/me", "GET"],
      ["/v1/runs/ann", "POST"],
      ["/store/x", "PUT"],
      ["/git/x", "POST"],
      ["/", "GET"],
    ] as const) {
      expect(await ports.get(path, method), path).toMatchObject(refused);
    }
    expect([await ports.unary(), await ports.stream(), await ports.sync()]).toEqual([standby, standby, standby]);

    const api = await createHttpApi(world.services, { ready: () => true });
    ports.http.serve(api.handle);
    serveGrpc(ports.grpc, world.services);
    expect(await ports.get("/readyz")).toMatchObject({ status: 200 });
    expect(await ports.get("/v1/users/me")).toMatchObject({ status: 200, body: { user: { user_name: "ann" } } });
    expect(await ports.unary()).toMatchObject({ answer: { userName: "ann" } });
    expect(await ports.stream()).toMatchObject({ code: "not-found" });
    await api.close();
  });

  it("refuse everything, reading too, from the moment on at which another one may lead", async () => {
    await using world = await openWorld();
    const ports = await openPorts(world.ann);
    let leads = true;
    const lead: Lead = {
      require: () => {
        if (!leads) throw leadsNoMore();
      },
    };
    const services = { ...world.services, lead };
    const api = await createHttpApi(services, { ready: () => true });
    ports.http.serve(api.handle);
    serveGrpc(ports.grpc, services);
    expect(await ports.unary()).toMatchObject({ answer: { userName: "ann" } });
    leads = false;
    const refusal = { code: "unavailable", reason: "not-leader", message: leadsNoMore().message };
    expect([await ports.unary(), await ports.stream(), await ports.sync()]).toEqual([refusal, refusal, refusal]);
    for (const [path, method] of [
      ["/v1/users/me", "GET"],
      ["/store/x", "PUT"],
      ["/git/x", "POST"],
    ] as const) {
      expect(await ports.get(path, method), path).toMatchObject({ status: 503, reason: "not-leader" });
    }
    expect(await ports.get("/healthz")).toMatchObject({ status: 200 });
    await api.close();
  });
});
