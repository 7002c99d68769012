/** For tests: a directory store behind its own HTTP server on a free port. */
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { createDirectoryStore } from "./directory-store.ts";
import type { DirectoryStore } from "./directory-store.ts";
import { createStoreHandler } from "./store-handler.ts";
import type { StoreHandlerOptions } from "./store-handler.ts";

export interface ServedStore extends AsyncDisposable {
  store: DirectoryStore;
  root: string;
  publicUrl: string;
  secret: string;
  port: number;
  /** What the handler reported as its own failures. */
  errors: unknown[];
}

/** Starts it on the caller's folder; disposing closes the server. */
export async function startServedStore(
  root: string,
  options: Omit<StoreHandlerOptions, "onError"> = {},
): Promise<ServedStore> {
  let handle: RequestListener = (_request, response) => void response.writeHead(503).end();
  const server = createServer({ requestTimeout: 0 }, (request, response) => handle(request, response));
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const dispose = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const [publicUrl, secret] = [`http://127.0.0.1:${port}`, "the secret of the store under test"];
  const errors: unknown[] = [];
  try {
    const store = await createDirectoryStore({ root, publicUrl, secret });
    const handler = createStoreHandler(store, { ...options, onError: (error) => errors.push(error) });
    handle = (request, response) => void handler(request, response);
    return { store, root, publicUrl, secret, port, errors, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
