/** Starts the bundle when there is one that is up to date, else the sources. Compiled code is kept for the next start. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

const bundle = new URL("../dist/spell.js", import.meta.url);
const source = new URL("../src/main.ts", import.meta.url);

// Below the user's own folder: what lies in it is executed, so nobody else may be able to write there.
if (!process.env.NODE_DISABLE_COMPILE_CACHE) {
  enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "spell", "compile"));
}
await import(useBundle() ? bundle.href : source.href);

/** Whether there is a bundle and no source of it has changed since. Without sources (as released) there is no choice. */
function useBundle() {
  if (!existsSync(source)) return true;
  const built = statSync(bundle, { throwIfNoEntry: false });
  if (built === undefined || process.env.SPELL_FROM_SOURCE) return false;
  try {
    const inputs = JSON.parse(readFileSync(new URL("inputs.json", bundle), "utf8"));
    return inputs.every((path) => statSync(new URL(path, bundle)).mtimeMs <= built.mtimeMs);
  } catch {
    return false;
  }
}
