/** The tap notes each request once, also those that follow a body on the same connection. */
import { createServer, request, Agent } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { openTap } from "./tap.ts";

it("notes a request that follows a JSON body on the same connection", async () => {
  const server = createServer((asked, answer) => asked.resume().on("end", () => answer.end()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const { port } = server.address() as AddressInfo;
    await using tap = await openTap(`http://127.0.0.1:${port}`);
    const ask = (method: string, path: string, body = ""): Promise<void> =>
      new Promise((resolve, reject) => {
        const headers = { "Content-Length": Buffer.byteLength(body) };
        const asked = request(`${tap.url}${path}`, { method, agent, headers }, (answer) => {
          answer.resume().on("end", resolve);
        });
        asked.on("error", reject).end(body);
      });
    await ask("POST", "/v1/runs/ann", '{"command":"true"}');
    await ask("GET", "/v1/runs/ann/1?follow=True");
    await ask("POST", "/v1/runs/ann/1/stop");
    expect(tap.requests()).toEqual(["POST /v1/runs/ann", "GET /v1/runs/ann/1", "POST /v1/runs/ann/1/stop"]);
    tap.cutNext("POST", 1_000);
    await expect(ask("POST", "/v1/runs/ann", "x".repeat(100_000))).rejects.toThrow();
    await ask("POST", "/v1/runs/ann", "x".repeat(100_000));
  } finally {
    agent.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});
