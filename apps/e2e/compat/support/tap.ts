/** A wire between a client and the coordinator that passes every byte on and notes which requests went through. */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

export interface Tap extends AsyncDisposable {
  /** What a client takes for the coordinator's address. */
  url: string;
  /** `METHOD path` of each request so far, queries left out. */
  requests(): string[];
  /** Cuts the connection of the next request of this method once so many bytes of it went through. */
  cutNext(method: string, afterBytes: number): void;
}

/** Not only at the start of a line: a JSON body before it, on the same connection, ends without one. */
const REQUEST_LINE = /(GET|HEAD|POST|PUT|PATCH|DELETE) (\/\S*) HTTP\/1\.1\r$/gm;

/** Listens on a free port of this machine. */
export async function openTap(target: string): Promise<Tap> {
  const { hostname, port } = new URL(target);
  const seen: string[] = [];
  let cut: { method: string; afterBytes: number } | undefined;
  const { address, close } = await listen((client) => {
    const upstream = connect(Number(port), hostname);
    // A request line may be cut in two; what follows the last newline waits for the rest.
    let tail = "";
    let bytesUntilCut = Infinity;
    client.on("data", (bytes: Buffer) => {
      const text = tail + bytes.toString("latin1");
      for (const [, method = "", path = ""] of text.matchAll(REQUEST_LINE)) {
        seen.push(`${method} ${path}`);
        if (method !== cut?.method) continue;
        bytesUntilCut = cut.afterBytes;
        cut = undefined;
      }
      tail = text.slice(text.lastIndexOf("\n") + 1).slice(-4096);
      bytesUntilCut -= bytes.length;
      if (bytesUntilCut < 0) client.destroy();
    });
    client.pipe(upstream).pipe(client);
    upstream.on("error", () => client.destroy()).on("close", () => client.destroy());
    client.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
  });
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests: () => seen.map((request) => request.replace(/\?.*/, "")),
    cutNext: (method, afterBytes) => {
      cut = { method, afterBytes };
    },
    [Symbol.asyncDispose]: close,
  };
}

export interface Tripwire extends AsyncDisposable {
  /** As a proxy for every address but this machine's. */
  proxy: string;
  /** First line of each attempt to reach anything else. */
  attempts(): string[];
}

/** A proxy that lets nothing through: a client of a test that wants to leave the machine is caught here. */
export async function openTripwire(): Promise<Tripwire> {
  const attempts: string[] = [];
  const { address, close } = await listen((client) => {
    client.on("error", () => undefined);
    client.once("data", (bytes: Buffer) => {
      attempts.push(bytes.toString("latin1").split("\r\n")[0] ?? "");
      client.destroy();
    });
  });
  return {
    proxy: `http://127.0.0.1:${address.port}`,
    attempts: () => attempts,
    [Symbol.asyncDispose]: close,
  };
}

interface Listening {
  address: AddressInfo;
  close: () => Promise<void>;
}

async function listen(accept: (client: Socket) => void): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: false }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    accept(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: server.address() as AddressInfo,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
