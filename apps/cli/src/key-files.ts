/** SSH keys on this machine: those the user has, and the pair that Spell makes. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { messageOf } from "@spell/domain";
import { configurationPath } from "@spell/sdk";
import { environment } from "./config.ts";
import { argumentError } from "./exit-codes.ts";

/** Beside the login, where the former command line looks for it. */
export function keyFile(): string {
  return join(dirname(configurationPath(environment)), "spell.pem");
}

/** Makes a pair, replacing what lies at the path, and gives the public key. Throws exit code 3 without `ssh-keygen`. */
export function generateKey(path: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Made beside it: ssh-keygen asks before it replaces, and the old key stays until there is a new one.
  const made = `${path}.${process.pid}`;
  try {
    // RSA in PEM is what the former command line can read.
    const options = ["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-C", "spell", "-f", made];
    const { error, status, stderr } = spawnSync("ssh-keygen", options, { encoding: "utf8" });
    if (error !== undefined || status !== 0) {
      const why = error === undefined ? stderr.trim() : messageOf(error);
      throw argumentError(
        `No keys could be made: ssh-keygen, which comes with OpenSSH, is needed for it and says: ${why}`,
      );
    }
    const key = readFileSync(`${made}.pub`, "utf8");
    renameSync(made, path);
    return key;
  } finally {
    for (const left of [made, `${made}.pub`]) rmSync(left, { force: true });
  }
}

/** The public key the user has for SSH. Throws exit code 3 without one. */
export function ownKey(): string {
  const files = ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"].map((name) => join(homedir(), ".ssh", name));
  for (const path of files) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // The next kind may be there.
    }
  }
  throw argumentError("There is no public key in ~/.ssh: name one with --file.");
}

/** Throws exit code 3 when it cannot be read. */
export function readKey(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw argumentError(`--file ${path} cannot be read: ${messageOf(error)}.`);
  }
}
