import { describe, expect, it } from "vitest";
import { parsePublicKey } from "./public-key.ts";

/** Length-prefixed parts, as keys are made of. */
function blob(...parts: (string | Buffer)[]): string {
  const bytes = parts.flatMap((part) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(part));
    return [length, Buffer.from(part)];
  });
  return Buffer.concat(bytes).toString("base64");
}

// From ssh-keygen, which says the same fingerprint.
const ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINkMsXJnUTqEoICr9XZBKnVpieQD4MQryBBGFKR5gjDh me@host";
const FINGERPRINT = "SHA256:ueAVcndt2SayPyaIeUpd0DWAT8OiYiMbGhphbczcmiY";

describe("a public key", () => {
  it("has the fingerprint that ssh-keygen says, whatever the comment and the newline", () => {
    for (const text of [ED25519, `${ED25519}\n`, ED25519.replace(/ \S+$/, ""), `${ED25519} and more words`]) {
      expect(parsePublicKey(text).fingerprint).toBe(FINGERPRINT);
    }
    expect(parsePublicKey(`  ${ED25519}\r\n`).text).toBe(ED25519);
  });

  it.each([
    ["ssh-rsa", blob("ssh-rsa", "e", "n")],
    ["ecdsa-sha2-nistp256", blob("ecdsa-sha2-nistp256", "nistp256", "q")],
    ["sk-ssh-ed25519@openssh.com", blob("sk-ssh-ed25519@openssh.com", "k", "ssh:")],
  ])("may be of kind %s", (algorithm, key) => {
    expect(parsePublicKey(`${algorithm} ${key}`).fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  });

  it.each([
    ["nothing", ""],
    ["a word", "hello"],
    ["an unknown kind", `ssh-fancy ${blob("ssh-fancy", "k")}`],
    ["a property of every object", `constructor ${blob("constructor", "k")}`],
    ["another kind inside", `ssh-ed25519 ${blob("ssh-rsa", "k")}`],
    ["too few parts", `ssh-rsa ${blob("ssh-rsa", "e")}`],
    ["too many parts", `ssh-ed25519 ${blob("ssh-ed25519", "k", "l")}`],
    ["an empty part", `ssh-ed25519 ${blob("ssh-ed25519", "")}`],
    ["cut bytes", `ssh-ed25519 ${blob("ssh-ed25519", "k").slice(0, 16)}`],
    ["a huge length", `ssh-ed25519 ${Buffer.from("ffffffff00", "hex").toString("base64")}`],
    ["two lines", `${ED25519}\n${ED25519}`],
    ["a terminal command in its comment", `${ED25519} \u001b[2J`],
    ["options in front", `command="rm -rf /" ${ED25519}`],
    ["a megabyte", `ssh-ed25519 ${"A".repeat(1_000_000)}`],
  ])("is not %s", (_what, text) => {
    expect(() => parsePublicKey(text)).toThrow(expect.objectContaining({ code: "invalid-input", reason: "bad-key" }));
  });

  it("that is private is refused with a warning", () => {
    const text = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n-----END OPENSSH PRIVATE KEY-----";
    expect(() => parsePublicKey(text)).toThrow(/private key/);
  });
});
