/** Where the code and the labelled directories lie below `/spell`. Pure. */
import { basename, relative } from "node:path";
import { repositoryError } from "../exit-codes.ts";
import type { CodeRoot } from "./code-root.ts";
import type { LabelledDirectory } from "./repo-option.ts";

export interface PlacedDirectory {
  /** Absolute path on this machine. */
  path: string;
  /** Place relative to `/spell`. */
  place: string;
}

export interface Placement {
  labels: { label: string; path: string }[];
  /** Directories to take snapshots of besides the code itself, outer ones before those inside them. */
  directories: PlacedDirectory[];
}

/** Directories inside the code keep their place in it; others lie beside it, by their own name. */
export function placeLabels(root: CodeRoot, labelled: readonly LabelledDirectory[]): Placement {
  const places = new Map<string, string>([[root.name, root.path]]);
  const directories = new Map<string, PlacedDirectory>();
  const labels = labelled.map(({ label, path, typedPath }) => {
    const inside = relative(root.path, path);
    const isInside = inside !== ".." && !inside.startsWith("../");
    const place = isInside ? [root.name, inside].filter((part) => part !== "").join("/") : basename(path) || "root";
    const other = places.get(place);
    if (other !== undefined && other !== path) {
      throw repositoryError(
        `--repo ${label}=${typedPath}: both ${other} and ${path} would lie at /spell/${place} in the run. Rename one of them.`,
      );
    }
    places.set(place, path);
    if (path !== root.path) directories.set(path, { path, place });
    return { label, path: place };
  });
  const byDepth = [...directories.values()].sort((one, other) => depth(one.place) - depth(other.place));
  return { labels, directories: byDepth };
}

/** Relative paths of those directories that lie inside this one: they are taken by themselves. */
export function placesInside(outer: PlacedDirectory, directories: readonly PlacedDirectory[]): string[] {
  return directories
    .filter(({ place }) => place.startsWith(`${outer.place}/`))
    .map(({ place }) => place.slice(outer.place.length + 1));
}

function depth(place: string): number {
  return place.split("/").length;
}
