/** A full disk, a real one: a small tmpfs that exists only inside the process of disk-full.fixture.ts. */
import { spawnSync } from "node:child_process";
import { tempFolder } from "@spell/testing";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const fixture = fileURLToPath(new URL("disk-full.fixture.ts", import.meta.url));
const namespaces = ["--mount", "--user", "--map-root-user"];
const possible = spawnSync("unshare", [...namespaces, "true"]).status === 0;

describe("disk full", () => {
  it.skipIf(!possible)(
    "put and PUT say so, leave nothing behind, and work again when there is space",
    async () => {
      await using folder = await tempFolder();
      const script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" "$1"';
      const args = [...namespaces, "sh", "-c", script, "sh", folder.path, process.execPath, fixture];
      const { stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8", timeout: 30_000 });
      expect(stderr).not.toContain("Error");
      expect(JSON.parse(stdout)).toEqual({
        putError: { code: "exhausted", reason: "disk-full", message: expect.stringMatching(/disk .* full\. Free/) },
        uploadStatus: 507,
        uploadError: { error: expect.stringMatching(/disk .* full\. Free/), code: "exhausted", reason: "disk-full" },
        tempFiles: [],
        keys: ["first"],
        reported: 1,
        afterwards: 200,
      });
    },
    40_000,
  );
});
