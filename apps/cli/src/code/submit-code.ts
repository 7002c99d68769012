/** Brings the user's code to the store and says what was sent. */
import { homedir } from "node:os";
import { realpathSync } from "node:fs";
import type { Code, SpellClient } from "@spell/sdk";
import { uploadTree } from "@spell/spellfs";
import type { UploadResult } from "@spell/spellfs";
import { count, formatSize } from "../output/format.ts";
import { Progress, showUpload } from "../output/progress.ts";
import { terminal } from "../output/terminal.ts";
import { checkOut } from "./check-out.ts";
import { findCodeRoot, refuseWholeHome } from "./code-root.ts";
import { readGitState } from "./git-state.ts";
import { recordRepositories } from "./record-repository.ts";
import { placeLabels } from "./place-labels.ts";
import type { LabelledDirectory } from "./repo-option.ts";
import { openJournal } from "./user-cache.ts";
import { skippedNote, snapshotCode } from "./snapshot-code.ts";

export interface SubmitCodeOptions {
  client: SpellClient;
  labelled: readonly LabelledDirectory[];
  /** Send the code as it is in this commit, not as it is now. */
  commitRef?: string;
  /** Also send a home directory. */
  force: boolean;
  verbose: boolean;
  /** Nothing on stdout. */
  quiet: boolean;
  /** Checks that can be made meanwhile; a failure of theirs is reported first. */
  meanwhile: Promise<unknown>;
}

export interface SubmittedCode {
  code: Code;
  cwd: string;
  labels: { label: string; path: string }[];
  /** First line of the commit's message; empty without one. */
  subject: string;
}

/** Takes the snapshot, uploads what the store lacks. Throws SpellError or an error with an exit code. */
export async function submitCode(options: SubmitCodeOptions): Promise<SubmittedCode> {
  const { client, labelled, commitRef, force, quiet } = options;
  const say = (text: string): void => (quiet ? undefined : terminal.say("spark", text));
  const root = findCodeRoot(realpathSync(process.cwd()));
  if (!force) {
    refuseWholeHome(root.path, { home: realHome() });
    for (const { path } of labelled) refuseWholeHome(path, { home: realHome() });
  }
  const placement = placeLabels(root, labelled);
  for (const { typedPath } of labelled) say(`Syncing repo ${typedPath}.`);
  using progress = new Progress({ silent: quiet });
  await using checkout = commitRef === undefined || commitRef === "HEAD" ? undefined : await checkOut(root, commitRef);
  const state = root.inGit ? readGitState(root.path, checkout?.commit) : Promise.resolve(undefined);
  const recorded = recordRepositories(client, [...labelled.map(({ path }) => findCodeRoot(path)), root]);
  const taken = snapshotCode(root, placement, { checkedOut: checkout?.path, progress });
  // Both are awaited below; until then a failure of one must not count as unhandled.
  taken.catch(() => undefined);
  recorded.catch(() => undefined);
  await options.meanwhile;
  const git = await state;
  if (git?.hasChanges === true && checkout === undefined) say("Preparing uncommitted changes…");
  const snapshot = await taken;
  const note = skippedNote(snapshot.skipped);
  if (note !== undefined) terminal.note("info", note);
  const journal = openJournal(client.configuration.coordinator, root.path);
  const sent = await uploadTree(snapshot, client.trees, { onProgress: showUpload(progress), journal });
  progress[Symbol.dispose]();
  if (!quiet) terminal.line(sentLine(sent));
  const workspaceId = (await recorded).at(-1);
  return {
    code: { tree: snapshot.root, root: root.name, gitCommit: git?.commit, workspaceId },
    cwd: root.cwd,
    labels: placement.labels,
    subject: git?.subject ?? "",
  };
}

/** What an upload came to, in a line. Pure. */
export function sentLine({ uploadedBlobs, uploadedBytes, knownBlobs }: UploadResult): string {
  if (uploadedBlobs === 0) return "Everything up-to-date";
  const known = knownBlobs === 0 ? "" : ` (${knownBlobs} already there)`;
  return `Uploaded ${count(uploadedBlobs, "object")}, ${formatSize(uploadedBytes)}${known}`;
}

function realHome(): string {
  try {
    return realpathSync(homedir());
  } catch {
    return homedir();
  }
}
