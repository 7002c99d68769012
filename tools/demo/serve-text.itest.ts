import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "@spell/testing";
import { answersWithText, serveText } from "./serve-text.ts";

const never = new AbortController().signal;

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("serves the text under its name and nothing else", async () => {
  await using server = await serveText({ name: "my book?.txt", bytes: Buffer.from("wörds") });
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/my%20book%3F\.txt$/);
  expect(await (await fetch(server.url)).text()).toBe("wörds");
  expect((await fetch(server.url, { method: "HEAD" })).headers.get("content-length")).toBe("6");
  expect((await fetch(new URL("/etc/passwd", server.url))).status).toBe(404);
  expect((await fetch(server.url, { method: "PUT", body: "x" })).status).toBe(404);
  expect(await answersWithText(server.url, 5_000, never)).toBe(true);
});

test("ends with a connection open", async () => {
  const server = await serveText({ name: "a.txt", bytes: Buffer.from("a") });
  await fetch(server.url);
  await server[Symbol.asyncDispose]();
  expect(await answersWithText(server.url, 5_000, never)).toBe(false);
});

test.each<[string, RequestListener]>([
  ["a page", (_request, response) => void response.setHeader("content-type", "text/html").end("<p>Log in!")],
  ["an error", (_request, response) => void response.writeHead(403, { "content-type": "text/plain" }).end("no")],
  ["an empty text", (_request, response) => void response.setHeader("content-type", "text/plain").end()],
  ["silence", () => undefined],
  [
    "a text that does not come",
    (_request, response) => void response.setHeader("content-type", "text/plain").flushHeaders(),
  ],
])("%s is not the text", async (_what, listener) => {
  expect(await answersWithText(await listen(listener), 300, never)).toBe(false);
});

test("nobody there is not the text", async () => {
  expect(await answersWithText(`http://127.0.0.1:${await freePort()}/`, 5_000, never)).toBe(false);
});
