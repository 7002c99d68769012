/** The bare repositories of workspaces in the coordinator's data folder, and what becomes of the branches pushed to them. */
import { randomUUID } from "node:crypto";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CodeRepositories, FetchedCommit } from "@spell/run-lifecycle";
import { makeFolder } from "@spell/machine";
import { makeBare } from "./bare-repository.ts";
import type { CodeFetcher } from "./code-fetcher.ts";
import type { GitChildren } from "./git-children.ts";
import { KeyedLock } from "./keyed-lock.ts";

/** The one branch that is shown to whoever pushes, so that only what is new is sent. */
const LATEST = "refs/heads/latest";

/** Pushes between two times that a repository's small files are put together. */
const TIDY_AFTER = 64;

export interface RepositoriesOptions {
  git: GitChildren;
  fetcher: CodeFetcher;
  /** Default 64. */
  tidyAfter?: number;
}

export class GitRepositories implements CodeRepositories {
  /** Bodies of pushes on their way in. */
  readonly incoming: string;
  readonly #root: string;
  readonly #git: GitChildren;
  readonly #fetcher: CodeFetcher;
  readonly #lock = new KeyedLock();
  readonly #pushes = new Map<number, number>();
  readonly #tidyAfter: number;
  /** Those that were looked through since this process began. */
  readonly #tidy = new Set<number>();

  private constructor(root: string, { git, fetcher, tidyAfter = TIDY_AFTER }: RepositoriesOptions) {
    this.#tidyAfter = tidyAfter;
    this.#root = join(root, "workspaces");
    this.incoming = join(root, "incoming");
    this.#git = git;
    this.#fetcher = fetcher;
  }

  /** Opens the folder; what a coordinator that was killed left half received is removed. */
  static async open(root: string, options: RepositoriesOptions): Promise<GitRepositories> {
    const repositories = new GitRepositories(root, options);
    await rm(repositories.incoming, { recursive: true, force: true });
    makeFolder(repositories.incoming);
    makeFolder(repositories.#root);
    return repositories;
  }

  gitDir(workspaceId: number): string {
    return join(this.#root, `${workspaceId}.git`);
  }

  async make(workspaceId: number): Promise<void> {
    await makeBare(this.#git, this.gitDir(workspaceId));
  }

  async remove(workspaceId: number): Promise<void> {
    await this.change(workspaceId, async () => {
      // Out of sight in one step: half a repository would look like one.
      this.#tidy.delete(workspaceId);
      const gone = join(this.incoming, randomUUID());
      await rename(this.gitDir(workspaceId), gone).catch(ignoreAbsent);
      await rm(gone, { recursive: true, force: true });
    });
  }

  fetch(request: { url: string; ref: string }): Promise<FetchedCommit> {
    return this.#fetcher.fetch(request);
  }

  /** Changes a repository while nobody else does. */
  change<T>(workspaceId: number, work: () => Promise<T>): Promise<T> {
    return this.#lock.run(String(workspaceId), () =>
      work().catch((error: unknown) => {
        this.#tidy.delete(workspaceId);
        throw error;
      }),
    );
  }

  /**
   * Moves every pushed branch to `refs/kept/<commit>`, which nobody sees: a client pushes HEAD to a branch that is named after
   * another commit, and one that is still there from an earlier HEAD would refuse it. Objects are never removed.
   */
  async keepPushed(workspaceId: number): Promise<void> {
    const gitDir = this.gitDir(workspaceId);
    if (!this.#tidy.has(workspaceId)) await removeLeftovers(gitDir);
    this.#tidy.add(workspaceId);
    const environment = { GIT_DIR: gitDir };
    const format = "--format=%(refname) %(objectname)";
    const listed = await this.#git.check({ args: ["for-each-ref", format, "refs/heads/"], environment });
    const heads = listed.split("\n").flatMap((line) => {
      const [ref, commit] = line.split(" ");
      return ref === undefined || commit === undefined || ref === LATEST ? [] : [{ ref, commit }];
    });
    const last = heads.at(-1);
    if (last === undefined) return;
    const kept = new Map(heads.map(({ commit }) => [commit, `update refs/kept/${commit} ${commit}`]));
    const removed = heads.map(({ ref, commit }) => `delete ${ref} ${commit}`);
    const lines = ["start", ...kept.values(), ...removed, `update ${LATEST} ${last.commit}`, "commit", ""];
    await this.#git.check({ args: ["update-ref", "--stdin"], environment, input: lines.join("\n") });
    const pushes = (this.#pushes.get(workspaceId) ?? 0) + 1;
    this.#pushes.set(workspaceId, pushes);
    if (pushes % this.#tidyAfter !== 0) return;
    // Thousands of small files would make each push slower than the one before.
    await this.#git.check({ args: ["pack-refs", "--all"], environment });
    await this.#git.check({ args: ["repack", "-d", "-l", "-q"], environment });
  }
}

/** Lock files and half received objects of a git that was killed together with the coordinator: nobody else removes them. */
async function removeLeftovers(gitDir: string): Promise<void> {
  const [top, refs, objects] = await Promise.all([
    readdir(gitDir),
    readdir(join(gitDir, "refs"), { recursive: true }),
    readdir(join(gitDir, "objects")),
  ]);
  const left = [
    ...top.filter((name) => name.endsWith(".lock")),
    ...refs.filter((name) => name.endsWith(".lock")).map((name) => join("refs", name)),
    ...objects.filter((name) => /^(tmp_objdir-)?incoming-/.test(name)).map((name) => join("objects", name)),
  ];
  await Promise.all(left.map((name) => rm(join(gitDir, name), { recursive: true, force: true })));
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
