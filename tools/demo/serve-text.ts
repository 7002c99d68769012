/** The text over HTTP: served from here on loopback, and the look whether the public one can be had. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface TextServer extends AsyncDisposable {
  url: string;
}

/** Serves one text on a free port of 127.0.0.1 until disposed. */
export async function serveText(text: { name: string; bytes: Buffer }): Promise<TextServer> {
  const path = `/${encodeURIComponent(text.name)}`;
  const server = createServer((request, response) => {
    const isIt = request.url === path && (request.method === "GET" || request.method === "HEAD");
    const body = isIt ? text.bytes : Buffer.from(`Only GET ${path} here.\n`);
    response.writeHead(isIt ? 200 : 404, {
      "content-type": "text/plain; charset=utf-8",
      "content-length": body.length,
    });
    response.end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${path}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Whether plain text comes from there within the time; a page that a network puts in its place does not count. */
export async function answersWithText(url: string, withinMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(withinMs)]) });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    // A whole book is not needed to know.
    await reader?.cancel();
    const isText = response.headers.get("content-type")?.startsWith("text/plain") ?? false;
    return response.ok && isText && first?.done === false;
  } catch {
    return false;
  }
}
