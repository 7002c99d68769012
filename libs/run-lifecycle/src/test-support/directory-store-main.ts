/** A directory store in a process of its own, for tests that stop and kill it: folder, port, public URL, secret. */
import { createServer } from "node:http";
import { createDirectoryStore, createStoreHandler } from "@spell/object-store/directory";

const [root = "", port, publicUrl = "", secret = ""] = process.argv.slice(2);
const handle = createStoreHandler(await createDirectoryStore({ root, publicUrl, secret }));
createServer({ requestTimeout: 0 }, (request, response) => void handle(request, response)).listen(
  Number(port),
  "127.0.0.1",
);
