/** Set-up step: the bundles that make the CLI start fast, made anew when a source file changed. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { inRoot, pinnedNode } from "./places.mjs";
import { runStep } from "./shell.mjs";
import { keyOf } from "./stamps.mjs";

const script = inRoot("tools", "build", "build.mjs");
const ignored = new Set(["node_modules", "dist", "__pycache__"]);

export const build = {
  name: "build",
  hint: "a few seconds",
  // Sources run as they are: a tree that does not bundle just now can still be linted and tested.
  mayFail: true,
  // Names, sizes and times of the sources: reading them all would cost more than it saves.
  key: () =>
    existsSync(script) ? keyOf([inRoot("package-lock.json")], ["apps", "libs", "tools/build"].map(walk)) : "",
  isThere: () => true,
  run: () => (existsSync(script) ? runStep(pinnedNode, [script], { what: "the build" }) : undefined),
};

function walk(folder) {
  const entries = [];
  const visit = (path) => {
    if (!existsSync(path)) return;
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (ignored.has(entry.name) || /\.i?test\.ts$/.test(entry.name)) continue;
      const full = join(path, entry.name);
      if (entry.isDirectory()) visit(full);
      else if (entry.isFile()) {
        const { size, mtimeMs } = statSync(full);
        entries.push(`${full.slice(inRoot().length)} ${size} ${mtimeMs}`);
      }
    }
  };
  visit(inRoot(folder));
  return entries.sort();
}
