/** What a repository rule is: a pure function from the files of the repository to what is wrong with them. */

/** A text file of the repository, tracked or about to be. */
export interface RepositoryFile {
  /** Relative to the root, with forward slashes. */
  path: string;
  text: string;
}

/** One thing that is wrong, or worth a look. */
export interface Finding {
  path: string;
  /** From 1; 0 when the whole file is meant. */
  line: number;
  message: string;
}

export interface Rule {
  name: string;
  /** A hint is printed but does not fail. */
  severity: "error" | "hint";
  find(files: readonly RepositoryFile[]): Finding[];
}

/** Findings for each line of the wanted files that matches. */
export function findLines(
  files: readonly RepositoryFile[],
  options: { wanted: (path: string) => boolean; pattern: RegExp; message: string },
): Finding[] {
  return files
    .filter((file) => options.wanted(file.path))
    .flatMap((file) =>
      file.text
        .split("\n")
        .flatMap((line, index) =>
          options.pattern.test(line) ? [{ path: file.path, line: index + 1, message: options.message }] : [],
        ),
    );
}

/** Code people write by hand. */
export const isSource = (path: string): boolean => /\.(ts|tsx|js|mjs|py|sh|proto)$/.test(path) && !/\/gen\//.test(path);

/** Files of test cases. */
export const isTest = (path: string): boolean => /\.i?test\.tsx?$|(^|\/)(test_[^/]*|conftest)\.py$/.test(path);
