/** A full disk, a real one: a small tmpfs that exists only inside the process of disk-full.fixture.ts. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { tempFolder } from "@spell/testing";
import { describe, expect, it } from "vitest";

const fixture = fileURLToPath(new URL("disk-full.fixture.ts", import.meta.url));
const namespaces = ["--mount", "--user", "--map-root-user"];
const possible = spawnSync("unshare", [...namespaces, "true"]).status === 0;

interface Outcome {
  errors: unknown[];
  beforeRoom: number;
  readable: number;
  afterRoom: number;
  promised: number[];
  ids: number[];
}

describe("disk full", () => {
  it.skipIf(!possible)("is said, keeps all that was promised, and writes work again when there is room", async () => {
    await using folder = await tempFolder("spell-record-");
    const script = 'mount -t tmpfs -o size=3m tmpfs "$1" && exec "$2" "$3" "$1"';
    const args = [...namespaces, "sh", "-c", script, "sh", folder.path, process.execPath, fixture];
    const { stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8", timeout: 50_000 });
    expect(stderr).not.toContain("Error");
    const outcome = JSON.parse(stdout) as Outcome;
    expect(outcome.errors).toHaveLength(6);
    for (const error of outcome.errors) {
      expect(error).toEqual({
        code: "exhausted",
        reason: "disk-full",
        message: expect.stringMatching(/disk .* is full/),
      });
    }
    expect(outcome.beforeRoom).toBeGreaterThan(0);
    expect(outcome.readable).toBe(1);
    expect(outcome.afterRoom).toBe(outcome.beforeRoom + 2);
    expect(outcome.ids).toEqual(outcome.promised);
  });
});
