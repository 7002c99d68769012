/** `--repo LABEL=PATH`: parsed, and checked against the disk before anything is sent. */
import { realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { argumentError, repositoryError } from "../exit-codes.ts";

export interface RepoOption {
  label: string;
  /** As typed, for messages. */
  typedPath: string;
}

/** A labelled directory that exists. */
export interface LabelledDirectory extends RepoOption {
  /** Absolute, links resolved. */
  path: string;
}

/** Parses one option. Throws exit code 3 for a wrong form. Pure. */
export function parseRepoOption(text: string): RepoOption {
  const parts = text.split("=");
  const [label, value] = parts;
  if (parts.length !== 2 || label === undefined || value === undefined || label.trim() === "" || value === "") {
    throw argumentError(
      `--repo "${text}" cannot be understood: write --repo LABEL=PATH, for example --repo char-rnn=char-rnn/.`,
    );
  }
  const [typedPath, ...commits] = value.split(":");
  if (typedPath === undefined || typedPath === "" || commits.length > 1) {
    throw argumentError(`--repo "${text}" cannot be understood: write --repo LABEL=PATH.`);
  }
  if (commits.length === 1) {
    throw argumentError(
      `--repo "${text}": a commit cannot be chosen yet. The directory is sent as it is now; check out "${commits[0]}" there and leave it out here.`,
    );
  }
  return { label, typedPath };
}

/** Resolves all of them against the current directory. Throws exit code 6 for a label given twice or a bad directory. */
export function findLabelledDirectories(options: readonly RepoOption[], directory: string): LabelledDirectory[] {
  const seen = new Set<string>();
  for (const { label } of options) {
    if (seen.has(label))
      throw repositoryError(`The label "${label}" is given twice: each --repo needs a label of its own.`);
    seen.add(label);
  }
  return options.map((option) => ({ ...option, path: realDirectory(option, directory) }));
}

function realDirectory({ label, typedPath }: RepoOption, directory: string): string {
  const path = resolve(directory, typedPath);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw repositoryError(
      `--repo ${label}=${typedPath}: there is no directory ${typedPath}. Clone or create it first.`,
    );
  }
  if (!stats.isDirectory()) throw repositoryError(`--repo ${label}=${typedPath}: ${typedPath} is not a directory.`);
  return realpathSync(path);
}
