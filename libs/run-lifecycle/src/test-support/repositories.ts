/** Git repositories of a test: what was "pushed" or can be "fetched" is made here, by real git. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { invalidInput } from "@spell/domain";
import type { CodeRepositories, FetchedCommit } from "../code-repositories.ts";

const ENVIRONMENT = {
  ...{ PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" },
  ...{ GIT_AUTHOR_NAME: "n", GIT_AUTHOR_EMAIL: "n@e", GIT_COMMITTER_NAME: "n", GIT_COMMITTER_EMAIL: "n@e" },
};

export class TestRepositories implements CodeRepositories {
  /** What there is to fetch, by URL and ref with a space between. */
  readonly remotes = new Map<string, FetchedCommit>();
  /** What was fetched. */
  readonly fetched: string[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  gitDir(workspaceId: number): string {
    return join(this.#folder, `${workspaceId}.git`);
  }

  async make(workspaceId: number): Promise<void> {
    if (!existsSync(this.gitDir(workspaceId))) this.git(["init", "--quiet", "--bare", this.gitDir(workspaceId)]);
  }

  async remove(workspaceId: number): Promise<void> {
    rmSync(this.gitDir(workspaceId), { recursive: true, force: true });
  }

  async fetch({ url, ref }: { url: string; ref: string }): Promise<FetchedCommit> {
    this.fetched.push(url);
    const found = this.remotes.get(`${url} ${ref}`);
    if (found === undefined) throw invalidInput(`Cannot fetch "${ref}" of ${url}: there is none.`, "git-fetch-failed");
    return found;
  }

  /** Commits these files into a bare repository, as a push would bring them; a value that begins with -> is a link. */
  commit(gitDir: string, files: Record<string, string>): string {
    const work = join(this.#folder, "work");
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(work, path)), { recursive: true });
      if (text.startsWith("->")) symlinkSync(text.slice(2), join(work, path));
      else writeFileSync(join(work, path), text, { mode: path.endsWith(".sh") ? 0o755 : 0o644 });
    }
    const there = [`--git-dir=${gitDir}`, `--work-tree=${work}`];
    this.git([...there, "add", "--all", "--force"], work);
    this.git([...there, "commit", "--quiet", "--allow-empty", "-m", "x"], work);
    return this.git([...there, "rev-parse", "HEAD"]).trim();
  }

  /** Writes an object, whatever is in it. */
  hash(there: string, type: string, bytes: Buffer): string {
    const args = [there, "hash-object", "-w", "--literally", "-t", type, "--stdin"];
    return execFileSync("git", args, { env: ENVIRONMENT, encoding: "utf8", input: bytes }).trim();
  }

  git(args: readonly string[], cwd = this.#folder): string {
    return execFileSync("git", [...args], { cwd, env: ENVIRONMENT, encoding: "utf8" });
  }
}
