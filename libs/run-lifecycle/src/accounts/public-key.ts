/**
 * Public keys as OpenSSH writes them: `ALGORITHM BASE64 [COMMENT]`. Read here rather than by a library, because those at hand
 * know no keys of security tokens (`sk-…`), and all that is wanted of one is that it is whole, and its fingerprint. Pure.
 */
import { createHash } from "node:crypto";
import { invalidInput } from "@spell/domain";

/** How many length-prefixed parts a key of each algorithm has, its name included. */
const PARTS: Readonly<Record<string, number>> = {
  "ssh-rsa": 3,
  "ssh-dss": 5,
  "ssh-ed25519": 2,
  "ecdsa-sha2-nistp256": 3,
  "ecdsa-sha2-nistp384": 3,
  "ecdsa-sha2-nistp521": 3,
  "sk-ssh-ed25519@openssh.com": 3,
  "sk-ecdsa-sha2-nistp256@openssh.com": 4,
};
const MAX_CHARACTERS = 16_384;

export interface ParsedPublicKey {
  /** On one line, without the newline. */
  text: string;
  /** `SHA256:` and unpadded base64, as `ssh-keygen -l` prints it. */
  fingerprint: string;
}

/** Throws invalid-input (`bad-key`). */
export function parsePublicKey(text: string): ParsedPublicKey {
  const line = text.trim();
  if (/PRIVATE KEY/.test(line)) {
    throw invalidInput("This is a private key: keep it to yourself and give the public one (a .pub file).", "bad-key");
  }
  const match = /^(\S+) +([A-Za-z0-9+/]+={0,2})(?: +([^\p{Cc}]*))?$/u.exec(line.length > MAX_CHARACTERS ? "" : line);
  const [, algorithm = "", base64 = "", comment = ""] = match ?? [];
  const parts = PARTS[algorithm];
  const blob = Buffer.from(base64, "base64");
  if (parts === undefined || !isWhole(blob, algorithm, parts)) {
    throw invalidInput('This is no OpenSSH public key: give one line such as "ssh-ed25519 AAAA… you@host".', "bad-key");
  }
  const fingerprint = `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
  return { text: [algorithm, base64, comment].join(" ").trim(), fingerprint };
}

/** Whether the bytes are these many parts to the last byte, none empty, and the first of them is the algorithm. */
function isWhole(blob: Buffer, algorithm: string, parts: number): boolean {
  let offset = 0;
  for (let index = 0; index < parts; index += 1) {
    if (blob.length - offset < 4) return false;
    const length = blob.readUInt32BE(offset);
    const part = blob.subarray(offset + 4, offset + 4 + length);
    if (length === 0 || part.length !== length) return false;
    if (index === 0 && part.toString("latin1") !== algorithm) return false;
    offset += 4 + length;
  }
  return offset === blob.length;
}
