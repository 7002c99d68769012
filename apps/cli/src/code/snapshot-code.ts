/** Takes the snapshot of the code and the labelled directories that becomes `/spell` in the run. */
import { emptySnapshot, graft, snapshotDirectory } from "@spell/spellfs";
import type { SkippedPath, Snapshot } from "@spell/spellfs";
import type { CodeRoot } from "./code-root.ts";
import { placesInside } from "./place-labels.ts";
import type { PlacedDirectory, Placement } from "./place-labels.ts";

/** Throws SpellError naming the path that cannot be sent. */
export async function snapshotCode(root: CodeRoot, { directories }: Placement): Promise<Snapshot> {
  const all: PlacedDirectory[] = [{ path: root.path, place: root.name }, ...directories];
  let whole = emptySnapshot();
  for (const directory of all) {
    const exclude = placesInside(directory, all);
    const snapshot = await snapshotDirectory({ directory: directory.path, gitAware: true, exclude });
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
