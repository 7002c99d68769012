/** Trees on either real store, its server a process that can be stopped and killed, behind a proxy that breaks what passes. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ObjectStore } from "@spell/object-store";
import { createDirectoryStore } from "@spell/object-store/directory";
import { createS3Store } from "@spell/object-store/s3";
import { openSqliteRunStore } from "@spell/run-store/sqlite";
import type { RunStore } from "@spell/run-store";
import type { TreeTransport } from "@spell/spellfs";
import { FaultyProxy, freePort, startMinio, startServerProcess, tempFolder, waitFor } from "@spell/testing";
import type { ServerProcess } from "@spell/testing";
import { Multiparts } from "../multiparts.ts";
import { TreeCatalog } from "../tree-catalog.ts";

export const DRIVERS = ["directory", "s3"] as const;

export interface StoreBehindProxy extends AsyncDisposable {
  /** For the test's own files. */
  folder: string;
  store: RunStore;
  objects: ObjectStore;
  trees: TreeCatalog;
  /** A client's calls; those of an agent are the same. */
  transport: TreeTransport;
  proxy: FaultyProxy;
  /** SIGSTOP or SIGCONT to the store's process. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /** kill -9; resolves when it has ended. */
  kill(): Promise<void>;
  /** Starts it again on the same data; resolves when it answers. */
  startAgain(): Promise<void>;
}

/** The server of a driver: where it is, its store through the proxy, and its process. */
interface StoreServer {
  port: number;
  make: (publicUrl: string) => Promise<ObjectStore>;
  process: () => ServerProcess;
  startAgain: () => Promise<void>;
}

/** Starts all of it; disposing ends it. */
export async function openStoreBehindProxy(driver: (typeof DRIVERS)[number]): Promise<StoreBehindProxy> {
  await using cleanUp = new AsyncDisposableStack();
  const folder = cleanUp.use(await tempFolder("spell-moving-"));
  const proxy = cleanUp.use(await FaultyProxy.start({ host: "127.0.0.1", port: 0 }));
  const server =
    driver === "s3" ? await startS3(cleanUp) : await startDirectory(cleanUp, { folder: folder.path, url: proxy.url });
  proxy.target.port = server.port;
  const objects = await server.make(proxy.url);
  const store = openSqliteRunStore(join(folder.path, "record.db"));
  cleanUp.defer(() => store.close());
  const trees = new TreeCatalog(store, objects);
  const multiparts = new Multiparts({ store, objects, now: Date.now });
  const holder = "user:ann";
  const transport: TreeTransport = {
    multiparts: {
      start: ({ sizeBytes }) => multiparts.start(holder, sizeBytes),
      presignParts: ({ objectKey, numbers }) => multiparts.presign(holder, objectKey, numbers),
      listParts: ({ objectKey }) => multiparts.listParts(holder, objectKey),
      complete: ({ objectKey, parts }) => multiparts.complete(holder, objectKey, parts),
      abort: ({ objectKey }) => multiparts.abort(holder, objectKey),
    },
    findMissing: ({ digests, targets }) => trees.findMissing(digests, targets),
    commitTree: (request) => trees.commitTree(request),
    readTree: async function* ({ digest, isFile }) {
      if (isFile) yield { nodes: [], objects: await trees.sources([digest]) };
      else yield* trees.read(digest);
    },
  };
  const ending = cleanUp.move();
  return {
    ...{ folder: folder.path, store, objects, trees, transport, proxy },
    signal: (signal) => void server.process().child.kill(signal),
    kill: () => server.process().stop("SIGKILL"),
    startAgain: server.startAgain,
    [Symbol.asyncDispose]: async () => {
      // A stopped process would not hear that it is to end.
      server.process().child.kill("SIGCONT");
      await ending.disposeAsync();
    },
  };
}

async function startS3(cleanUp: AsyncDisposableStack): Promise<StoreServer> {
  const minio = cleanUp.use(await startMinio());
  const bucket = "spell-moving";
  await createS3Store({ ...minio, bucket }).ensureBucket();
  return {
    port: Number(new URL(minio.endpoint).port),
    make: async (publicEndpoint) => createS3Store({ ...minio, bucket, publicEndpoint, timeoutMs: 1_000 }),
    process: () => minio.process,
    startAgain: () => minio.startAgain(),
  };
}

async function startDirectory(
  cleanUp: AsyncDisposableStack,
  { folder, url }: { folder: string; url: string },
): Promise<StoreServer> {
  const port = await freePort();
  const [root, secret] = [join(folder, "objects"), "the secret of a store that is broken"];
  const program = fileURLToPath(new URL("./directory-store-main.ts", import.meta.url));
  const start = async (): Promise<ServerProcess> => {
    const server = startServerProcess(process.execPath, [program, root, String(port), url, secret]);
    await waitFor("the directory store", () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      ),
    );
    return server;
  };
  let server = await start();
  cleanUp.defer(() => server.stop());
  return {
    port,
    make: () => createDirectoryStore({ root, publicUrl: url, secret }),
    process: () => server,
    startAgain: async () => {
      server = await start();
    },
  };
}
