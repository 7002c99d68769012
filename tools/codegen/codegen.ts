/**
 * `npm run codegen`: formats the contract and generates its TypeScript, replacing libs/rpc/src/gen, and the descriptors that
 * server reflection answers with; then what the tables of libs/domain become in the documents and in Python.
 * With --check it generates into a temporary folder and fails when the committed code differs.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { repositoryRoot } from "@spell/testing";
import { lifecycleDocument, pythonLifecycle } from "./lifecycle.ts";

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const generated = join("libs", "rpc", "src", "gen");
const descriptors = join("libs", "rpc", "src", "descriptors.binpb");

/** Runs buf from the root; its own complaints are shown. */
function buf(...args: string[]): void {
  const program = join(repositoryRoot, "node_modules", ".bin", "buf");
  execFileSync(program, args, { cwd: repositoryRoot, stdio: "inherit" });
}

/** The contract without its comments. */
function buildDescriptors(path: string): void {
  buf("build", "--as-file-descriptor-set", "--exclude-source-info", "--output", path);
}

/** Every file below the folder with its content. */
function contents(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1), readFileSync(path, "utf8")];
    }),
  );
}

/** Names of the files that are missing, left over or different. */
function differences(committed: Map<string, string>, fresh: Map<string, string>): string[] {
  const names = [...new Set([...committed.keys(), ...fresh.keys()])].sort();
  return names.filter((name) => committed.get(name) !== fresh.get(name));
}

/** Files that are made from the tables of libs/domain, as they must be. */
function fromTables(): Map<string, string> {
  const document = join("docs", "lifecycle.md");
  return new Map([
    [document, lifecycleDocument(readFileSync(join(repositoryRoot, document), "utf8"))],
    [join("libs", "sdk-python", "spell", "lifecycle.py"), pythonLifecycle()],
  ]);
}

function present(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

if (values.check) {
  for (const [path, text] of fromTables()) {
    if (present(join(repositoryRoot, path)) === text) continue;
    console.log(`${path} is not what the tables of libs/domain say`);
    process.exitCode = 1;
  }
  const folder = mkdtempSync(join(tmpdir(), "spell-codegen-"));
  try {
    buf("generate", "--output", folder);
    const stale = differences(contents(join(repositoryRoot, generated)), contents(join(folder, generated)));
    for (const name of stale) console.log(`${join(generated, name)} is not what the contract generates`);
    buildDescriptors(join(folder, "descriptors.binpb"));
    const [committed, fresh] = [join(repositoryRoot, descriptors), join(folder, "descriptors.binpb")];
    const isStale = !readFileSync(committed).equals(readFileSync(fresh));
    if (isStale) console.log(`${descriptors} is not what the contract generates`);
    if (stale.length > 0 || isStale) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
} else {
  buf("format", "-w");
  buf("lint");
  buf("generate");
  buildDescriptors(join(repositoryRoot, descriptors));
  for (const [path, text] of fromTables()) writeFileSync(join(repositoryRoot, path), text);
}
