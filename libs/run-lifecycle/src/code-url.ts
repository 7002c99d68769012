/** URLs and refs of git repositories, checked before git sees them: neither may be taken for an option or a program. Pure. */
import { invalidInput } from "@spell/domain";
import { checkCodeRoot } from "./workspaces.ts";

/** What may be reached without the operator's leave. */
const PROTOCOLS = ["https", "http", "git", "ssh"];

export interface CodeUrl {
  /** As git gets it. */
  url: string;
  /** As people may see it: without a password. */
  shown: string;
  /** Where the code lies below /spell: the base name without `.git`. */
  name: string;
}

/** Checks a URL. `allowed`: protocols besides the usual ones. Throws invalid-input. */
export function parseCodeUrl(text: string, allowed: readonly string[]): CodeUrl {
  const url = text.trim();
  const shown = url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?#]*?):[^/?#]*@/i, "$1@").slice(0, 300);
  const refuse = (why: string): never => {
    throw invalidInput(`"${shown}" cannot be fetched: ${why}.`, "bad-git-url");
  };
  if (url === "") refuse("it is empty; write a URL such as https://github.com/USER/REPOSITORY");
  if (url.startsWith("-")) refuse("a URL does not begin with '-'");
  if (hasSpaceOrControl(url)) refuse("a URL has no spaces and no control characters");
  if (url.length > 2_000) refuse("it is longer than 2000 characters");
  const protocol = protocolOf(url);
  if (![...PROTOCOLS, ...allowed].includes(protocol)) {
    refuse(
      `${protocol === "" ? "it is no URL" : `the protocol "${protocol}" is not allowed`} (${PROTOCOLS.join(", ")})`,
    );
  }
  // A host that begins with a dash would be an option of ssh.
  if (/^[a-z+]+:\/\/([^/]*@)?-/i.test(url) || /@-/.test(url)) refuse("a host does not begin with '-'");
  const path = url.replace(/[?#].*$/s, "").replace(/\/+$/, "");
  const name = (path.split(/[/:]/).at(-1) ?? "").replace(/\.git$/, "");
  checkCodeRoot(name);
  return { url, shown, name };
}

/** A branch, a tag, HEAD or a commit. Throws invalid-input for what could be more than that. */
export function checkCodeRef(text: string): string {
  const ref = text === "" ? "HEAD" : text;
  const bad = /^[-+/.]|[:^~*?[\\]|\.\.|@\{|\/\/|[/.]$|\.lock$/.test(ref) || hasSpaceOrControl(ref) || ref.length > 250;
  if (!bad) return ref;
  throw invalidInput(`"${ref.slice(0, 300)}" is not a branch, a tag or a commit.`, "bad-git-ref");
}

/** `host:path` is ssh, as git has it; a path alone is a file. */
function protocolOf(url: string): string {
  const named = /^([a-z][a-z0-9+.-]*)(::|:\/\/)/i.exec(url);
  if (named?.[1] !== undefined) return named[1].toLowerCase();
  if (/^[^/]+:/.test(url)) return "ssh";
  return "file";
}

function hasSpaceOrControl(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  return /[\u0000-\u0020\u007f]/.test(text) || !text.isWellFormed();
}
