/** A user's git repository, and pushes from it as the historical command line makes them. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CommandResult, TempFolder } from "@spell/testing";
import { startCommand, tempFolder } from "@spell/testing";
import { ask } from "./api.ts";
import type { World } from "./world.ts";

const ENVIRONMENT = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "n",
  GIT_AUTHOR_EMAIL: "n@example.org",
  GIT_COMMITTER_NAME: "n",
  GIT_COMMITTER_EMAIL: "n@example.org",
};

export interface Repository extends AsyncDisposable {
  path: string;
  /** Runs git there, whatever comes of it. */
  try(...args: string[]): Promise<CommandResult>;
  /** Runs git there; gives what it printed, trimmed. Throws when it fails. */
  git(...args: string[]): Promise<string>;
  write(files: Record<string, string | Buffer>): Promise<void>;
  /** Writes, adds and commits; gives the commit. */
  commit(files: Record<string, string | Buffer>): Promise<string>;
}

/** Runs git in a folder. */
export async function runGit(
  cwd: string,
  args: readonly string[],
  options: { input?: string; environment?: Record<string, string> } = {},
): Promise<CommandResult> {
  const env = { ...ENVIRONMENT, ...options.environment };
  using running = startCommand("git", args, { cwd, env, input: options.input });
  return await running.done;
}

/** A fresh repository in a folder called `code`. */
export async function makeRepository(): Promise<Repository> {
  const folder: TempFolder = await tempFolder("spell-git-");
  const path = join(folder.path, "code");
  await mkdir(path);
  const run = (...args: string[]): Promise<CommandResult> => runGit(path, args);
  const git = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await run(...args);
    if (exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout.trim();
  };
  const write = async (files: Record<string, string | Buffer>): Promise<void> => {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), content);
    }
  };
  await git("init", "--quiet", "--initial-branch=main");
  return {
    path,
    try: run,
    git,
    write,
    commit: async (files) => {
      await write(files);
      await git("add", "--all");
      await git("commit", "--quiet", "--allow-empty", "--message", "A commit");
      return git("rev-parse", "HEAD");
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

export interface PushPlace {
  id: number;
  /** With a token. */
  url: string;
}

/** What the coordinator says of the workspace of this repository. */
export async function openWorkspace(world: World, repository: Repository, token = world.ann): Promise<PushPlace> {
  const roots = await repository.git("rev-list", "--max-parents=0", "HEAD");
  const body = { root_commit: roots.split("\n").at(-1), name: "code", description: "" };
  const owner = token === world.bob ? "bob" : "ann";
  const answer = await ask(world, `workspaces/${owner}`, { method: "PUT", body, token });
  const { id, git_remote_url: url } = answer.body["workspace"] as { id: number; git_remote_url: string };
  return { id, url };
}

/** Pushes HEAD for a run of this commit, as the historical command line does. */
export function push(repository: Repository, url: string, commit: string): Promise<CommandResult> {
  return repository.try("push", "--no-verify", url, `HEAD:refs/heads/br_${commit}`);
}
