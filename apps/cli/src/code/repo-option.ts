/** `--repo LABEL=PATH[:COMMIT]`: parsed, and checked against the disk before anything is sent. */
import { realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { argumentError, repositoryError } from "../exit-codes.ts";

export interface RepoOption {
  label: string;
  /** As typed, for messages. */
  typedPath: string;
  /** The commit whose files are meant; undefined: the files as they are. */
  ref?: string;
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
  const [ref] = commits;
  if (typedPath === undefined || typedPath === "" || commits.length > 1 || ref === "") {
    throw argumentError(`--repo "${text}" cannot be understood: write --repo LABEL=PATH, or LABEL=PATH:COMMIT.`);
  }
  return ref === undefined ? { label, typedPath } : { label, typedPath, ref };
}

/** Resolves all of them against the current directory. Throws exit code 6 for a bad directory. */
export function findLabelledDirectories(options: readonly RepoOption[], directory: string): LabelledDirectory[] {
  return options.map((option) => ({ ...option, path: realDirectory(option, directory) }));
}

/** Throws exit code 6 for a label given twice, whatever it stands for. Pure. */
export function checkLabels(labels: readonly string[]): void {
  const twice = labels.find((label, index) => labels.indexOf(label) !== index);
  if (twice === undefined) return;
  throw repositoryError(`The label "${twice}" is given twice: each --repo and --github-repo needs a label of its own.`);
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
