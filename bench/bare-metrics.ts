/** The machine's own limit for metrics: an HTTP server of Node's that reads what is posted and says that all is well. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** It says that it takes points in lines, as the agent does: the sender must send the same. */
const SERVER = `
const { createServer } = require("node:http");
const headers = { "content-type": "application/json", "content-length": 2, "accept-post": "application/json, application/x-ndjson" };
const server = createServer((request, response) => {
  request.on("data", () => {});
  request.on("end", () => response.writeHead(200, headers).end("{}"));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit()).resume();
`;

/** Gives what SPELL_METRICS says. Disposing ends it. */
export async function startBareMetrics(signal: AbortSignal): Promise<{ address: string } & AsyncDisposable> {
  const child = spawn(process.execPath, ["-e", SERVER], { stdio: ["pipe", "pipe", "inherit"], signal });
  // An end before its time is told by the line that is missing then.
  child.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const dispose = async (): Promise<void> => {
    child.kill("SIGKILL");
    await closed;
  };
  const port = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (port.done !== true) return { address: `127.0.0.1:${port.value}`, [Symbol.asyncDispose]: dispose };
  await dispose();
  throw new Error("the bare HTTP server ended");
}
