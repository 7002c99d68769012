/** Where the set-up puts things, and the versions it pins. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Root of the repository. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** A path inside the repository. */
export const inRoot = (...parts) => join(root, ...parts);

/** Every pinned version that no lock file holds. */
export const versions = JSON.parse(readFileSync(inRoot("tools", "setup", "versions.json"), "utf8"));

/** The pinned Node: runs TypeScript as it is. */
export const pinnedNode = inRoot("node_modules", ".bin", "node");

/** Big tools built from source, shared by every clone of this user. */
export const userCache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "spell");

/** The version of MinIO in the name lets clones of different ages share the folder. */
export const minioPath = join(userCache, "bin", `minio-${versions.minio}`);
