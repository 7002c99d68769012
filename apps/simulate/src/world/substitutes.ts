/**
 * Gives modules of the product other ones than they ask for: parts of Node.js and gRPC's client become those of the world. The code
 * of the product stays as it is, but for what a planted bug changes of it.
 */
import { createRequire, registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { currentProcess } from "./world.ts";
import type { PlantedBug } from "../planted/planted-bug.ts";

const require = createRequire(import.meta.url);
const REPOSITORY = fileURLToPath(new URL("../../../../", import.meta.url));
const SCHEME = "simulated:";

/** What of the product a module is replaced for: paths in the repository. */
const PRODUCT = /^(?:apps\/(?:agent|coordinator)|libs)\//;
/** The record opens its real files, and keeps its real random access: only its database is the world's. */
const RECORD = /^libs\/run-store\//;
const AGENT_SIDE = /^(?:apps\/agent|libs\/(?:spellfs|machine))\//;

type Exports = Record<string, unknown>;

/** `modules`: what takes the place of which module; names that it lacks are those of the real one. */
export function installSubstitutes(modules: Record<string, Exports>, bug?: PlantedBug): void {
  const registry = globalThis as unknown as { simulatedModules: Record<string, Exports> };
  registry.simulatedModules = Object.fromEntries(
    Object.entries(modules).map(([name, own]) => [name, merged(require(name) as Exports, own)]),
  );
  let planted = false;
  registerHooks({
    resolve: (specifier, context, next) => {
      const from = pathOf(context.parentURL);
      return isReplaced(specifier, from)
        ? { url: `${SCHEME}${specifier}`, shortCircuit: true }
        : next(specifier, context);
    },
    load: (url, context, next) => {
      if (url.startsWith(SCHEME)) {
        const name = url.slice(SCHEME.length);
        return { format: "module", source: sourceOf(name, registry.simulatedModules[name] ?? {}), shortCircuit: true };
      }
      const loaded = next(url, context);
      if (bug === undefined || pathOf(url) !== bug.file) return loaded;
      planted = true;
      return { ...loaded, source: plant(bug, textOf(loaded.source)) };
    },
  });
  process.once("exit", () => {
    if (bug !== undefined && !planted) process.stderr.write(`the planted bug's file ${bug.file} was never loaded\n`);
  });
}

/** The own functions, for processes of a world; whoever is none, such as a module that is being loaded, is given the real ones. */
function merged(real: Exports, own: Exports): Exports {
  const both: Exports = { ...real, ...own };
  for (const [name, substitute] of Object.entries(own)) {
    const original = real[name];
    if (typeof substitute !== "function" || typeof original !== "function" || /^[A-Z]/.test(name)) continue;
    const choose = (...args: unknown[]): unknown =>
      Reflect.apply(currentProcess() === undefined ? original : substitute, undefined, args);
    // What promisify makes of it.
    both[name] = Object.assign(
      choose,
      Object.fromEntries(Object.getOwnPropertySymbols(substitute).map((key) => [key, Reflect.get(substitute, key)])),
    );
  }
  both["makeGenericClientConstructor"] = own["makeGenericClientConstructor"] ?? real["makeGenericClientConstructor"];
  return both;
}

function isReplaced(specifier: string, from: string | undefined): boolean {
  if (from === undefined || !PRODUCT.test(from)) return false;
  switch (specifier) {
    case "node:sqlite":
      return RECORD.test(from);
    case "node:fs":
    case "node:fs/promises":
      return AGENT_SIDE.test(from);
    case "node:timers/promises":
    case "node:crypto":
    case "node:zlib":
    case "@grpc/grpc-js":
      return !RECORD.test(from);
    default:
      return false;
  }
}

function pathOf(url: string | undefined): string | undefined {
  if (url?.startsWith("file:") !== true) return undefined;
  const path = fileURLToPath(url);
  return path.startsWith(REPOSITORY) && !path.includes("/node_modules/") ? path.slice(REPOSITORY.length) : undefined;
}

function sourceOf(name: string, exports: Exports): string {
  const names = Object.keys(exports).filter((each) => /^[A-Za-z_$][\w$]*$/.test(each) && each !== "default");
  const module = `globalThis.simulatedModules[${JSON.stringify(name)}]`;
  return [`const m = ${module};`, "export default m;", `export const { ${names.join(", ")} } = m;`].join("\n");
}

function textOf(source: string | ArrayBuffer | NodeJS.TypedArray | undefined): string {
  if (typeof source === "string") return source;
  return new TextDecoder().decode(source);
}

/** The file with the bug in it. Throws when the file is not as the bug expects: then the bug has to be planted anew. */
function plant(bug: PlantedBug, source: string): string {
  const parts = source.split(bug.find);
  if (parts.length === 2) return parts.join(bug.replace);
  throw new Error(
    `The planted bug "${bug.name}" does not fit ${bug.file} any more: its place is there ${parts.length - 1} times.`,
  );
}
