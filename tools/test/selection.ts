/** Which test files a run covers, and for which runner. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { repositoryRoot } from "@spell/testing";

/** Python tests that share settings: run together from their folder. */
export interface PythonGroup {
  /** Folder of the nearest pyproject.toml or pytest.ini, else the root. Absolute. */
  folder: string;
  /** Absolute paths. */
  files: string[];
}

export interface Selection {
  /** Whether vitest has something to do. */
  hasVitest: boolean;
  /** Path filter for vitest; undefined means everything. */
  vitestFilter: string | undefined;
  python: PythonGroup[];
}

/** Everything, or what lies at or below `only` (a path relative to the root, or absolute). */
export function selectTests(only: string | undefined): Selection {
  const base = only === undefined ? undefined : relative(repositoryRoot, resolve(repositoryRoot, only));
  const files = projectFiles().filter(
    (file) => base === undefined || base === "" || file === base || file.startsWith(`${base}/`),
  );
  return {
    hasVitest: files.some((file) => /\.i?test\.tsx?$/.test(file)),
    vitestFilter: base === "" ? undefined : base,
    python: groupPython(files.filter((file) => /(^|\/)(test_[^/]*|[^/]*_test)\.py$/.test(file))),
  };
}

function groupPython(files: string[]): PythonGroup[] {
  const groups = new Map<string, string[]>();
  for (const file of files) {
    const path = join(repositoryRoot, file);
    const folder = settingsFolder(dirname(path));
    groups.set(folder, [...(groups.get(folder) ?? []), path]);
  }
  return [...groups].map(([folder, members]) => ({ folder, files: members }));
}

function settingsFolder(folder: string): string {
  if (folder === repositoryRoot) return folder;
  const hasSettings = ["pyproject.toml", "pytest.ini"].some((name) => existsSync(join(folder, name)));
  return hasSettings ? folder : settingsFolder(dirname(folder));
}

/** Tracked and new files, ignored ones left out; relative to the root. */
export function projectFiles(): string[] {
  return execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: repositoryRoot,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  })
    .split("\0")
    .filter((file) => file !== "" && existsSync(join(repositoryRoot, file)));
}
