/** Run by disk-full.itest.ts with a folder on a file system of 1 MiB: fills it, prints what happened as JSON. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SpellError } from "@spell/domain";
import { startServedStore } from "./served-store.fixture.ts";

const root = process.argv[2] ?? "";
await using served = await startServedStore(root);
const { store } = served;

await store.put("first", Buffer.alloc(300_000));
const putError = await store.put("second", Buffer.alloc(900_000)).then(
  () => "stored",
  (error: unknown) =>
    error instanceof SpellError ? { code: error.code, reason: error.reason, message: error.message } : String(error),
);
const upload = await fetch(await store.presignPut("third", 60), { method: "PUT", body: Buffer.alloc(5_000_000) });
const uploadError: unknown = await upload.json();
const tempFiles = await readdir(join(root, "tmp"));
const keys: string[] = [];
for await (const { key } of store.list("")) keys.push(key);
await store.delete("first");
const afterwards = await fetch(await store.presignPut("fourth", 60), { method: "PUT", body: Buffer.alloc(600_000) });
process.stdout.write(
  JSON.stringify({
    putError,
    uploadStatus: upload.status,
    uploadError,
    tempFiles,
    keys,
    reported: served.errors.length,
    afterwards: afterwards.status,
  }),
);
