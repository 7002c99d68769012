/** The programs that SpellFS is measured beside, each as its users call it. What is not installed is named and left out. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { MinioServer } from "@spell/testing";
import { isInstalled } from "./programs.ts";
import type { Carrier, Moved } from "./carrier.ts";
import { startRestServer, startRsyncDaemon } from "./peer-servers.ts";
import { timeProcess } from "../time-process.ts";

export interface Peers extends AsyncDisposable {
  carriers: Carrier[];
  /** For the end of a table: what is missing, and how to get it. */
  remarks: string[];
}

/** What peers get of the machine: nothing of the user's settings. */
type Call = (
  program: string,
  words: readonly string[],
  extra?: { cwd?: string; env?: NodeJS.ProcessEnv },
) => Promise<Moved>;

const BUCKET = "peers";

/** Starts the servers they need below `folder`. */
export async function preparePeers(given: { folder: string; minio: MinioServer; signal: AbortSignal }): Promise<Peers> {
  const { folder, minio, signal } = given;
  const home = join(folder, "home");
  await mkdir(home, { recursive: true });
  const own = { PATH: process.env["PATH"], HOME: home, TMPDIR: folder };
  const call: Call = async (program, words, { cwd = folder, env } = {}) => ({
    ms: await timeProcess(program, words, { cwd, env: { ...own, ...env }, signal }),
  });
  await using started = new AsyncDisposableStack();
  const carriers: Carrier[] = [];
  const remarks: string[] = [];
  const add = async (programs: readonly string[], make: () => Promise<Carrier> | Carrier): Promise<void> => {
    const missing = programs.filter((program) => !isInstalled(program));
    if (missing.length === 0) carriers.push(await make());
    else remarks.push(`Without ${missing.join(" and ")}: apt-get install ${missing.join(" ")}`);
  };
  await add(["cp"], () => copier(call, join(folder, "copies")));
  await add(["git"], () => gitPusher(call, join(folder, "git")));
  await add(["rsync"], async () => rsyncer(call, started.use(await startRsyncDaemon(join(folder, "rsync"))).url));
  await add(["restic", "rclone"], async () => {
    const { url } = started.use(await startRestServer(join(folder, "restic")));
    return await resticer(call, url);
  });
  await add(["rclone"], () => rcloner(call, minio));
  const owned = started.move();
  return { carriers, remarks, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** It knows only whole copies: nothing is saved the second time. */
function copier(call: Call, folder: string): Carrier {
  return {
    name: "cp -a",
    send: async (source, place) => {
      const target = join(folder, place);
      await rm(target, { recursive: true, force: true });
      await mkdir(target, { recursive: true });
      return await call("cp", ["-a", `${source}/.`, target]);
    },
    fetch: async (place, target) => await call("cp", ["-a", join(folder, place), target]),
  };
}

/** `git add`, `git commit` and `git push` to a bare repository on this disk: what brings a dirty work tree elsewhere. */
function gitPusher(call: Call, folder: string): Carrier {
  const identity = ["-c", "user.name=Bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0"];
  return {
    name: "git add, commit, push",
    send: async (source, place) => {
      const bare = join(folder, place);
      const work = join(folder, `${place}-work`);
      const git = [...identity, `--git-dir=${work}`, `--work-tree=${source}`];
      await call("git", ["init", "-q", "--bare", bare]);
      await call("git", ["init", "-q", "--bare", work]);
      const words = git.map((word) => `'${word}'`).join(" ");
      const script = `git ${words} add -A && { git ${words} diff --cached --quiet || git ${words} commit -qm x; } && git ${words} push -q '${bare}' HEAD:refs/heads/main`;
      return await call("sh", ["-c", script]);
    },
  };
}

function rsyncer(call: Call, url: string): Carrier {
  return {
    name: "rsync daemon",
    send: async (source, place) => await call("rsync", ["-a", "--delete", `${source}/`, `${url}/${place}/`]),
    fetch: async (place, target) => await call("rsync", ["-a", `${url}/${place}/`, `${target}/`]),
  };
}

async function resticer(call: Call, url: string): Promise<Carrier> {
  const env = { RESTIC_REPOSITORY: url, RESTIC_PASSWORD: "bench" };
  await call("restic", ["init", "-q"], { env });
  return {
    name: "restic to a REST server",
    send: async (source, place) => await call("restic", ["backup", "-q", "--tag", place, "."], { env, cwd: source }),
    fetch: async (place, target) =>
      await call("restic", ["restore", "-q", "--tag", place, "--target", target, "latest"], { env }),
  };
}

async function rcloner(call: Call, minio: MinioServer): Promise<Carrier> {
  const env = {
    RCLONE_CONFIG: "/dev/null",
    RCLONE_S3_PROVIDER: "Minio",
    RCLONE_S3_ENDPOINT: minio.endpoint,
    RCLONE_S3_ACCESS_KEY_ID: minio.accessKey,
    RCLONE_S3_SECRET_ACCESS_KEY: minio.secretKey,
  };
  const quick = ["--transfers", "16", "--checkers", "16"];
  await call("rclone", ["mkdir", `:s3:${BUCKET}`], { env });
  return {
    name: "rclone to MinIO",
    send: async (source, place) => await call("rclone", ["sync", ...quick, source, `:s3:${BUCKET}/${place}`], { env }),
    fetch: async (place, target) => await call("rclone", ["copy", ...quick, `:s3:${BUCKET}/${place}`, target], { env }),
  };
}
