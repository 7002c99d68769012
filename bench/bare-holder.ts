/** The machine's own limit for held connections: an HTTP server of Node's that does nothing but hold them and answer. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface BareHolder extends AsyncDisposable {
  pid: number;
  url: string;
  /** Answers all that are held: the moment (Unix time in whole milliseconds) just before it does. */
  end(): Promise<number>;
}

const SERVER = `
const { createServer } = require("node:http");
const held = [];
const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
  held.push(response);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("data", () => {
  console.log(Date.now());
  for (const response of held.splice(0)) response.end('{"success":true}\\n');
});
process.stdin.on("end", () => process.exit());
`;

/** Disposing ends it. */
export async function startBareHolder(signal: AbortSignal): Promise<BareHolder> {
  const child = spawn(process.execPath, ["-e", SERVER], { stdio: ["pipe", "pipe", "inherit"], signal });
  // An end before its time is told by the line that is missing then.
  child.on("error", () => undefined);
  child.stdin.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const numberOf = async (): Promise<number> => {
    const line = await lines.next();
    if (line.done !== true) return Number(line.value);
    throw new Error("the bare HTTP server ended");
  };
  const dispose = async (): Promise<void> => {
    child.kill("SIGKILL");
    await closed;
  };
  try {
    const port = await numberOf();
    const end = (): Promise<number> => {
      child.stdin.write("end\n");
      return numberOf();
    };
    return { pid: child.pid ?? 0, url: `http://127.0.0.1:${port}/`, end, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
