export { compareNames, MAX_DEPTH, MAX_NAME_BYTES, MAX_TARGET_BYTES, nameProblem } from "./entry.ts";
export type { DirectoryEntry, FileEntry, SymlinkEntry, TreeEntry } from "./entry.ts";
export { decodeNode, digestOf, encodeNode, MAX_NODE_BYTES, MAX_NODE_ENTRIES } from "./node.ts";
export type { NodeLimits } from "./node.ts";
export { checkTree, MAX_PATH_BYTES } from "./check.ts";
export type { CheckedTree, CheckTreeOptions, GetNode, TreeSummary } from "./check.ts";
export { findPath } from "./find-path.ts";
export type { ReadNode } from "./find-path.ts";
export { followPath } from "./follow-path.ts";
export type { FollowedPath } from "./follow-path.ts";
export { overlayTree } from "./overlay-tree.ts";
export { buildTree } from "./build-tree.ts";
export type { FlatEntry, TreeNodes } from "./build-tree.ts";
export { emptySnapshot, graft, wrap } from "./snapshot.ts";
export type { LocalFile, SkippedPath, Snapshot } from "./snapshot.ts";
export { snapshotDirectory } from "./snapshot-directory.ts";
export type { SnapshotOptions } from "./snapshot-directory.ts";
export { snapshotEntries } from "./snapshot-entries.ts";
export type { SnapshotEntriesOptions, SnapshotEntry } from "./snapshot-entries.ts";
export { openSnapshotIndex } from "./snapshot-index.ts";
export type { SnapshotIndex } from "./snapshot-index.ts";
export { INLINE_PACK_BYTES } from "./transport.ts";
export type {
  BlobPlace,
  InlinePack,
  MultipartTransport,
  ObjectSource,
  StoredObject,
  TreeCommit,
  TreeTransport,
  UploadTarget,
} from "./transport.ts";
export { buildPack } from "./build-pack.ts";
export { PACK_BLOBS, decodePackFooter, encodePackFooter, packFooterBytes } from "./pack-footer.ts";
export { downloadTree } from "./download-tree.ts";
export type { DownloadOptions, DownloadProgress, DownloadResult, DownloadSource } from "./download-tree.ts";
export { DIGESTS_PER_CALL } from "./find-missing.ts";
export { isPack, objectBytes, placesOf, planObjects } from "./upload-plan.ts";
export { uploadTree } from "./upload.ts";
export type { UploadOptions, UploadProgress, UploadResult } from "./upload.ts";
export { openUploadJournal } from "./upload-journal.ts";
export type { UploadJournal } from "./upload-journal.ts";
export type { TransferOptions } from "./transfer.ts";
export { readCommitTree } from "./commit-tree.ts";
export type { CommitTreeNodes } from "./commit-tree.ts";
export { hasCommit } from "./git-commit.ts";
export { gitEnvironment, gitSentence } from "./git-process.ts";
export type { GitSettings } from "./git-process.ts";
export { openTreeCache } from "./cache.ts";
export type { TreeCache } from "./cache.ts";
export type { HeldContents } from "./cache-holds.ts";
export type { HeldBlob } from "./send-blobs.ts";
