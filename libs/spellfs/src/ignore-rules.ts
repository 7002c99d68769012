/** `.spellignore`: which files the user keeps out of a snapshot, by gitignore's rules, with or without git. */
import ignore from "ignore";

/** Name of the file, looked for in every folder. */
export const IGNORE_FILE = ".spellignore";

/** The rules that hold in one folder: those of its own file and of every folder above. */
export interface IgnoreRules {
  /** Whether this path (relative to the top, slash-separated) is left out. Folders above it are not asked again. */
  ignores(path: string, kind: "directory" | "other"): boolean;
}

/** No rules: nothing is left out. */
export const NO_RULES: IgnoreRules = { ignores: () => false };

/** The rules of `outer` with those of a `.spellignore` in `folder` ("" for the top) on top: the nearer file decides. */
export function addRules({ outer, folder, text }: { outer: IgnoreRules; folder: string; text: string }): IgnoreRules {
  // Names differ by case here, as in git on Linux.
  const own = ignore({ ignorecase: false }).add(text);
  const prefixLength = folder === "" ? 0 : folder.length + 1;
  return {
    ignores(path, kind) {
      const verdict = own.test(path.slice(prefixLength) + (kind === "directory" ? "/" : ""));
      if (verdict.ignored) return true;
      return verdict.unignored ? false : outer.ignores(path, kind);
    },
  };
}
