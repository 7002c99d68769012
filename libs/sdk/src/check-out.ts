/** `run.checkOut()`: the code that a run had, on this machine. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { SpellError, invalidInput } from "@spell/domain";
import type { Run as RunRecord } from "@spell/rpc";
import { downloadTree } from "@spell/spellfs";
import type { DownloadProgress, DownloadResult, TransferOptions } from "@spell/spellfs";
import type { Connection } from "./connection.ts";
import { TreesService, toDigest } from "./trees-service.ts";

export interface CheckOutOptions extends TransferOptions {
  /** The folder to make; one that is there must be empty. */
  directory: string;
  /** Called as bytes come. */
  onProgress?: (progress: DownloadProgress) => void;
}

/** What lay at /spell when the run began. Throws `not-found` for a run without code, `invalid-input` for a folder that holds something. */
export async function checkOut(
  connection: Connection,
  run: RunRecord,
  options: CheckOutOptions,
): Promise<DownloadResult> {
  const tree = run.spec?.codeTree ?? "";
  if (tree === "") throw new SpellError("not-found", `Run ${run.id} has no code.`, { reason: "no-code" });
  const { directory } = options;
  if (existsSync(directory) && !(statSync(directory).isDirectory() && readdirSync(directory).length === 0)) {
    throw invalidInput(`"${directory}" is there already: name a new folder, or an empty one.`, "in-the-way");
  }
  return downloadTree({ kind: "directory", digest: toDigest(tree) }, new TreesService(connection), options);
}
