/** Makes the files of an upload a committed tree. */
import { SpellError, invalidInput } from "@spell/domain";
import type { UploadFile, UploadRecord } from "@spell/run-store";
import type { SnapshotEntry, TreeTransport } from "@spell/spellfs";
import { snapshotEntries, uploadTree } from "@spell/spellfs";
import type { TreeCatalog } from "./tree-catalog.ts";
import { unpackArchive } from "./unpack-archive.ts";
import type { UploadFolder } from "./upload-folder.ts";

interface Stored {
  tree: Awaited<ReturnType<typeof snapshotEntries>>["root"];
  fileCount: number;
  sizeBytes: number;
}

/** Throws invalid-input naming a file that is missing, incomplete or cannot be part of a tree. */
export async function storeUpload(
  { folder, trees }: { folder: UploadFolder; trees: TreeCatalog },
  upload: UploadRecord,
  files: readonly UploadFile[],
): Promise<Stored> {
  const [first, second] = files;
  if (first === undefined) throw invalidInput(`No file of the upload "${upload.name}" has arrived.`, "empty-upload");
  for (const file of files) await checkWhole(folder, file);
  if (upload.compressed && second !== undefined) {
    throw invalidInput("A compressed upload is one archive, and several files have arrived.", "bad-archive");
  }
  const archive = { path: folder.pathOf(first), sizeBytes: first.sizeBytes };
  const entries = upload.compressed
    ? await unpackArchive({ folder, uploadId: upload.id, archive })
    : await Promise.all(files.map((file) => entryOf(folder, file)));
  const snapshot = await snapshotEntries({ entries });
  const [skipped] = snapshot.skipped;
  if (skipped !== undefined) {
    throw invalidInput(`${JSON.stringify(skipped.path)} cannot be part of an upload: ${skipped.why}.`, "bad-path");
  }
  if (snapshot.fileCount === 0) throw invalidInput("There is no file in this upload.", "empty-upload");
  await uploadTree(snapshot, localTransport(trees), { smallInOneCall: true });
  return { tree: snapshot.root, fileCount: snapshot.fileCount, sizeBytes: snapshot.totalBytes };
}

async function checkWhole(folder: UploadFolder, file: UploadFile): Promise<void> {
  const have = await folder.receivedBytes(file);
  if (have === file.sizeBytes) return;
  throw invalidInput(
    `Only ${have} of ${file.sizeBytes} bytes of ${JSON.stringify(file.path)} have arrived: upload it again.`,
    "incomplete-file",
  );
}

async function entryOf(folder: UploadFolder, file: UploadFile): Promise<SnapshotEntry> {
  if (file.sizeBytes === 0) await folder.append({ file, offset: 0, bytes: nothing() });
  return { path: file.path, kind: "file", source: folder.pathOf(file), executable: false, sizeBytes: file.sizeBytes };
}

/** A file without bytes is sent no bytes; here it gets its place on the disk all the same. */
async function* nothing(): AsyncGenerator<Uint8Array> {
  // Nothing to give.
}

/** The catalog as an upload wants it, without a wire between. */
function localTransport(trees: TreeCatalog): TreeTransport {
  return {
    findMissing: ({ digests, targets, nodes }) => trees.findMissing(digests, targets, { nodes }),
    commitTree: (commit) => trees.commitTree(commit),
    readTree: () => {
      throw new SpellError("internal", "An upload reads no tree.");
    },
  };
}
