/** Takes the snapshot of the code and the labelled directories that becomes `/spell` in the run. */
import { emptySnapshot, graft, snapshotDirectory } from "@spell/spellfs";
import type { SkippedPath, Snapshot } from "@spell/spellfs";
import { showReading } from "../output/progress.ts";
import type { Progress } from "../output/progress.ts";
import type { CodeRoot } from "./code-root.ts";
import { openIndex } from "./user-cache.ts";
import { placesInside } from "./place-labels.ts";
import type { PlacedDirectory, Placement } from "./place-labels.ts";

/** With a commit checked out elsewhere, that folder is the code. Throws SpellError naming the path that cannot be sent. */
export async function snapshotCode(
  root: CodeRoot,
  { directories }: Placement,
  { checkedOut, progress }: { checkedOut: string | undefined; progress: Progress },
): Promise<Snapshot> {
  const code = { path: checkedOut ?? root.path, place: root.name };
  const all: PlacedDirectory[] = [code, ...directories];
  let whole = emptySnapshot();
  for (const directory of all) {
    const exclude = placesInside(directory, all);
    // What is checked out is in the commit, whatever the rules for ignoring say.
    const gitAware = directory.path !== checkedOut;
    const index = gitAware ? openIndex(directory.path) : undefined;
    const snapshot = await snapshotDirectory({
      ...{ directory: directory.path, gitAware, exclude, index },
      onProgress: showReading(progress),
    });
    index?.save();
    whole = graft(whole, directory.place, snapshot);
  }
  return whole;
}

/** What was left out and may surprise: repositories inside the code that no label names. */
export function skippedNote(skipped: readonly SkippedPath[]): string | undefined {
  const [first] = skipped;
  if (first === undefined) return undefined;
  const more = skipped.length > 1 ? ` and ${skipped.length - 1} more` : "";
  return `Not sent: ${first.path}${more} (${first.why}).`;
}
