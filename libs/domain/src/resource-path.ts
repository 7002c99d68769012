/** Resource paths (`runs/12/save`, `uploads/data`, `ALIAS/save`), and the names that their first parts may be. Pure. */
import { invalidInput } from "./errors.ts";
import { isCleanRelativePath } from "./resource.ts";

/** What a resource path names. `path` is what lies below, relative; empty: all of it. */
export type ResourcePath =
  /** The list of `runs`, `uploads`, `public` and the links. */
  | { kind: "root" }
  | { kind: "runs" }
  | { kind: "uploads" }
  /** Data that everybody may read: this farm has none. */
  | { kind: "public"; path: string }
  | { kind: "run"; runId: number; path: string }
  | { kind: "upload"; name: string; path: string }
  | { kind: "link"; alias: string; path: string }
  /** Not a path at all; `why` ends a sentence. */
  | { kind: "none"; why: string };

/** Slashes at the end are as good as none, and so is `/.`, which means all of a model's resource. Never throws. */
export function parseResourcePath(text: string): ResourcePath {
  if (/^[a-z0-9]{1,10}:\/\//i.test(text)) return { kind: "none", why: "buckets are not offered: upload it first" };
  const whole = text.replace(/(?:\/+\.?)+$/, "");
  if (whole === "" && text.length <= 1) return { kind: "root" };
  if (!isCleanRelativePath(whole)) return { kind: "none", why: FORM };
  const [first = "", second, ...rest] = whole.split("/");
  const path = rest.join("/");
  if (first === "public") return { kind: "public", path: whole.slice("public/".length) };
  if (first === "runs") {
    if (second === undefined) return { kind: "runs" };
    return /^[0-9]{1,15}$/.test(second) ? { kind: "run", runId: Number(second), path } : { kind: "none", why: FORM };
  }
  if (first === "uploads") return second === undefined ? { kind: "uploads" } : { kind: "upload", name: second, path };
  const why = aliasProblem(first);
  if (why !== undefined) return { kind: "none", why: FORM };
  return { kind: "link", alias: first, path: [second ?? "", ...rest].filter((part) => part !== "").join("/") };
}

/** The path as it is written, without slashes at the end. */
export function formatResourcePath(path: Extract<ResourcePath, { kind: "run" | "upload" }>): string {
  const top = path.kind === "run" ? `runs/${path.runId}` : `uploads/${path.name}`;
  return path.path === "" ? top : `${top}/${path.path}`;
}

/** Throws invalid-input for what cannot be the alias of a link. */
export function checkAlias(alias: string): void {
  const why = aliasProblem(alias);
  if (why !== undefined) throw invalidInput(`${JSON.stringify(short(alias))} cannot be an alias: ${why}.`, "bad-alias");
}

/** Throws invalid-input for what cannot be the name of an upload or a model. `what` begins the sentence. */
export function checkResourceName(what: string, name: string): void {
  const why = nameProblem(name);
  if (why !== undefined)
    throw invalidInput(`${what} cannot be called ${JSON.stringify(short(name))}: ${why}.`, "bad-name");
}

const FORM = "write runs/<id>, uploads/<name> or the alias of a link, then /<path> if need be, without '..'";

const MAX_NAME_CHARACTERS = 200;
/** First parts that are no aliases. */
const TOP_NAMES = new Set(["public", "runs", "uploads"]);

function aliasProblem(alias: string): string | undefined {
  if (TOP_NAMES.has(alias)) return "this word has a meaning of its own";
  if (/[/."\\[\]:;|=,]/.test(alias)) return 'none of / . " \\ [ ] : ; | = , may be in it';
  return nameProblem(alias);
}

function nameProblem(name: string): string | undefined {
  if (name.trim() === "") return "it is empty";
  if (name === "." || name === "..") return "it would mean a folder";
  if (name.includes("/") || name.includes(":")) return "neither / nor : may be in it";
  // eslint-disable-next-line no-control-regex -- these very characters are refused
  if (/[\u0000-\u001f\u007f]/.test(name) || !name.isWellFormed()) return "control characters may not be in it";
  if (name.length > MAX_NAME_CHARACTERS) return `it is longer than ${MAX_NAME_CHARACTERS} characters`;
  return undefined;
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
