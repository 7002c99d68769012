/** What a reference is called where people read it. Pure. */
import type { TreeReference } from "@spell/run-store";

/** `runs/12`, `code of run 12`, `uploads/data`. */
export function nameOfReference({ source, name }: Pick<TreeReference, "source" | "name">): string {
  switch (source) {
    case "run-output":
      return `runs/${name}`;
    case "run-code":
      return `code of run ${name}`;
    case "run-mount":
      return `a mount of run ${name}`;
    case "uploads":
      return `uploads/${name}`;
    case "workflows":
      return `labelled code of workflow ${name}`;
    case "searches":
      return `hyper-parameter search ${name}`;
    case "commits":
      return `pushed or fetched code (${name})`;
    case "held":
      return `what run ${name} is storing`;
    case "recent":
      return "a tree that was stored lately";
  }
}
