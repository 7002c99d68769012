/** Fetches commits of repositories elsewhere into a cache. Nothing of what is fetched is checked out or executed. */
import { createHash } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { SpellError, hasCode, invalidInput, messageOf } from "@spell/domain";
import { makeFolder } from "@spell/machine";
import type { FetchedCommit } from "@spell/run-lifecycle";
import { checkCodeRef, parseCodeUrl } from "@spell/run-lifecycle";
import { gitSentence } from "@spell/spellfs";
import { makeBare } from "./bare-repository.ts";
import type { GitChildren, GitEnd } from "./git-children.ts";
import { killGroup } from "./git-children.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { objectChecks } from "./object-checks.ts";

export interface CodeFetcherOptions {
  /** Folder of the cache. */
  root: string;
  git: GitChildren;
  /** Most bytes that one repository may have. */
  maxBytes: number;
  /** Protocols besides https, http, git and ssh. */
  allowedProtocols: readonly string[];
  /** Variables that git and ssh need to get through: proxies, certificates. */
  network: Readonly<Record<string, string>>;
}

const FETCHED = "refs/fetched/last";
/** How often the size of what has come is looked at. */
const LOOK_MS = 250;

export class CodeFetcher {
  readonly #options: CodeFetcherOptions;
  readonly #lock = new KeyedLock();

  constructor(options: CodeFetcherOptions) {
    this.#options = options;
    makeFolder(options.root);
  }

  /** See CodeRepositories. */
  async fetch(request: { url: string; ref: string }): Promise<FetchedCommit> {
    const { url, shown } = parseCodeUrl(request.url, this.#options.allowedProtocols);
    const ref = checkCodeRef(request.ref);
    const key = createHash("sha256").update(url).digest("hex");
    const gitDir = join(this.#options.root, `${key}.git`);
    try {
      const commit = await this.#lock.run(key, async () => {
        await makeBare(this.#options.git, gitDir);
        return this.#commitOf(gitDir, url, ref);
      });
      return { gitDir, commit };
    } catch (error) {
      if (!(error instanceof SpellError) || hasCode(error, "internal") || hasCode(error, "unavailable")) throw error;
      const why = messageOf(error).replaceAll(url, shown).replace(/\.$/, "");
      throw invalidInput(`Cannot fetch "${ref}" of ${shown}: ${why}.`, error.reason);
    }
  }

  async #commitOf(gitDir: string, url: string, ref: string): Promise<string> {
    const shallow = await this.#fetch(gitDir, ["--depth=1", "--", url, `+${ref}:${FETCHED}`]);
    if (shallow.exitCode === 0) return this.#commitNamed(gitDir, FETCHED);
    // Not every server gives a commit by its name, and none by a part of it: then all branches come.
    if (!/^[0-9a-f]{4,64}$/.test(ref)) throw refused(shallow);
    const all = ["+refs/heads/*:refs/fetched/heads/*", "+refs/tags/*:refs/fetched/tags/*"];
    const deep = await this.#fetch(gitDir, ["--depth=2147483647", "--", url, ...all]);
    if (deep.exitCode !== 0) throw refused(deep);
    return this.#commitNamed(gitDir, ref);
  }

  async #commitNamed(gitDir: string, name: string): Promise<string> {
    const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`];
    const { exitCode, stdout } = await this.#options.git.run({ args, environment: { GIT_DIR: gitDir } });
    if (exitCode === 0) return stdout.trim();
    throw invalidInput("no branch, tag or commit of it has this name", "git-fetch-failed");
  }

  async #fetch(gitDir: string, args: readonly string[]): Promise<GitEnd> {
    const { git, maxBytes, allowedProtocols, network } = this.#options;
    const fixed = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--force"];
    const settings = { ...objectChecks("fetch"), "http.followRedirects": "initial", "fetch.unpackLimit": "1" };
    const environment = { ...network, GIT_DIR: gitDir, GIT_SSH_COMMAND: "ssh -oBatchMode=yes" };
    const protocols = ["https", "http", "git", "ssh", ...allowedProtocols];
    let tooLarge = false;
    let look: NodeJS.Timeout | undefined;
    try {
      const command = { args: [...fixed, ...args], settings, protocols, environment };
      const end = await git.run(command, (child) => {
        look = setInterval(() => {
          void bytesOf(join(gitDir, "objects", "pack")).then((bytes) => {
            if (bytes > maxBytes) tooLarge = killGroup(child, "SIGKILL") || tooLarge;
          });
        }, LOOK_MS);
      });
      if (tooLarge || (await bytesOf(join(gitDir, "objects", "pack"))) > maxBytes) {
        await rm(gitDir, { recursive: true, force: true });
        const mib = Math.round(maxBytes / 2 ** 20);
        throw invalidInput(`it is larger than the ${mib} MiB that code may have`, "code-too-large");
      }
      return end;
    } finally {
      clearInterval(look);
    }
  }
}

function refused(end: GitEnd): SpellError {
  return invalidInput(gitSentence(end.stderr) || "git gave no reason", "git-fetch-failed");
}

async function bytesOf(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
