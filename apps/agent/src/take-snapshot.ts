/** Copies a directory of a running attempt into the store, as it is now, under its base name. */
import { basename, join } from "node:path";
import { SpellError, hasCode, isCleanRelativePath } from "@spell/domain";
import type { TreeTransport } from "@spell/spellfs";
import { snapshotDirectory, uploadTree, wrap } from "@spell/spellfs";

/** `spell`: the run's /spell as seen from the machine. Gives the digest of the committed tree. */
export async function takeSnapshot(request: {
  spell: string;
  path: string;
  transport: TreeTransport;
  signal: AbortSignal;
}): Promise<string> {
  const { spell, path, transport, signal } = request;
  if (!isCleanRelativePath(path)) throw new SpellError("invalid-input", `"${path}" is not a path below /spell`);
  try {
    // Never by git's rules: git would obey a configuration that the run itself may have written. And within /spell:
    // a link that the run made would be followed on the machine's side, out of the run.
    const directory = await snapshotDirectory({ directory: join(spell, path), within: spell, gitAware: false, signal });
    const snapshot = wrap(basename(path), directory);
    await uploadTree(snapshot, transport, { signal });
    return snapshot.root;
  } catch (error) {
    if (!hasCode(error, "not-found")) throw error;
    throw new SpellError("not-found", `/spell/${path} is not a directory in the run any more`, { cause: error });
  }
}
