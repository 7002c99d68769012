/** The parts that a run's file system is put together from, and their order. */
import { depthOf } from "./machine-mounts.ts";

/** One part, laid at `path` inside the run over whatever is there. */
export type Layer =
  /** Reads fall through to `lower` (topmost first); writes go to the folders `<folder>-upper`, private to the attempt. */
  | { kind: "overlay"; path: string; lower: readonly string[]; folder: string }
  | { kind: "read-only"; path: string; source: string }
  /** The very folder on the machine, writable. */
  | { kind: "private"; path: string; source: string }
  /** An empty folder in memory. */
  | { kind: "empty"; path: string }
  | { kind: "link"; path: string; target: string };

/** A file to be put in place before the start: hard-linked where it is never written, copied where it may be. */
export interface PlacedFile {
  source: string;
  /** Folder on the machine that stands for `mirrors` inside the run. */
  folder: string;
  /** Path below both. */
  path: string;
  how: "link" | "copy";
  /** Folder whose existing sub-folders lend their owner and mode to those made on the way. */
  mirrors?: string;
}

/** Everything to do before bwrap starts, in order. */
export interface LayerPlan {
  layers: Layer[];
  files: PlacedFile[];
}

/** Shallow parts first, so that none covers a deeper one; at equal depth as given. */
export function inOrder(layers: readonly Layer[]): Layer[] {
  return [...layers].sort((a, b) => depthOf(a.path) - depthOf(b.path));
}

/** The bwrap options that lay one part; `folderOf` gives an overlay's upper and work folders. */
export function layerArguments(layer: Layer, folderOf: (name: string) => { upper: string; work: string }): string[] {
  switch (layer.kind) {
    case "overlay": {
      const { upper, work } = folderOf(layer.folder);
      // bwrap takes the lowest first.
      const sources = [...layer.lower].reverse().flatMap((source) => ["--overlay-src", source]);
      return [...sources, "--overlay", upper, work, layer.path];
    }
    case "read-only":
      return ["--ro-bind", layer.source, layer.path];
    case "private":
      return ["--bind", layer.source, layer.path];
    case "empty":
      return ["--tmpfs", layer.path];
    case "link":
      return ["--symlink", layer.target, layer.path];
  }
}
