/** Files beside runs: uploads, what runs keep, links, copies. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Client } from "./support/clients.ts";
import { area } from "./support/scenario.ts";

/** What the scenario uploads. */
function fill(client: Client): (name: string) => Buffer {
  const folder = join(client.folder, "set");
  mkdirSync(join(folder, "deep"), { recursive: true });
  writeFileSync(join(folder, "a.txt"), "alpha\n");
  writeFileSync(join(folder, "deep", "b.bin"), Buffer.alloc(6_000_000, 7));
  writeFileSync(join(folder, "empty"), "");
  writeFileSync(join(client.folder, "one.txt"), "one\n");
  return (name) => readFileSync(join(client.folder, name));
}

area("files", {}, ({ scenario, clients }) => {
  scenario("uploads, mounts and copies", async ({ client, cli, python }) => {
    const read = fill(client);
    expect((await cli("nothing yet", ["ls", "uploads"])).exitCode).toBe(0);
    expect((await cli("upload", ["upload", "set", "--name", "plain"])).exitCode).toBe(0);
    expect((await cli("upload -c", ["upload", "-c", "set", "--name", "packed"])).exitCode).toBe(0);
    expect((await cli("a file", ["upload", "one.txt", "--name", "single"])).exitCode).toBe(0);
    expect((await cli("a file without a name", ["upload", "nowhere.txt"])).exitCode).not.toBe(0);
    const mounts = ["-m", "uploads/plain:/in", "-m", "uploads/packed"];
    const command = "cat /in/a.txt packed/a.txt > out.txt; mkdir -p m/d; echo deep > m/d/e; cp /in/deep/b.bin m";
    expect((await cli("run", ["run", "-f", ...mounts, command])).stdout).toContain("Run 1 complete");
    expect((await cli("ls", ["ls"])).exitCode).toBe(0);
    expect((await cli("ls uploads", ["ls", "uploads"])).stdout).toMatch(/packed[^]*plain|plain[^]*packed/);
    expect((await cli("ls a file's upload", ["ls", "uploads/single"])).stdout).toMatch(/^ *4 .* one\.txt$/m);
    expect((await cli("ls run", ["ls", "runs/1"])).stdout).toMatch(/^ *12 .* out\.txt$/m);
    await cli("ls -h", ["ls", "-h", "runs/1/m"]);
    await cli("ls with a slash", ["ls", "runs/1/m/"]);
    expect((await cli("ls nothing", ["ls", "runs/1/nope"])).exitCode).toBe(1);
    expect((await cli("ls no run", ["ls", "runs/99"])).exitCode).toBe(1);
    expect((await cli("cp a folder", ["cp", "uploads/plain", "copied"])).exitCode).toBe(0);
    for (const name of ["a.txt", "deep/b.bin", "empty"]) {
      expect(read(`copied/${name}`).equals(read(`set/${name}`)), name).toBe(true);
    }
    expect((await cli("cp a file", ["cp", "runs/1/m/d/e"])).exitCode).toBe(0);
    expect(read("e").toString()).toBe("deep\n");
    await cli("cp over it", ["cp", "runs/1/m/d/e"]);
    expect((await cli("cp nothing", ["cp", "runs/1/nope"])).exitCode).toBe(1);
    const { stdout } = await python(
      "library",
      `import spell.client
client = spell.client.from_environment()
for path in ("runs/1", "runs/1/", "uploads", "runs/1/m", "uploads/plain/"):
    print(path, sorted((line.path, line.size) for line in client.resources.ls(path)))
client.runs.get(1).cp("m", "by-library")
client.resources.cp("runs/1/out.txt", "by-library", quiet=True)
print(open("by-library/d/e").read() + open("by-library/out.txt").read(), end="")
`,
    );
    expect(stdout).toMatch(/deep\nalpha\nalpha\n$/);
    expect(statSync(join(client.folder, "by-library", "b.bin")).size).toBe(6_000_000);
    // As scripts take it apart.
    const listed = (await cli("ls by words", ["ls", "runs/1"])).stdout.trim().split("\n");
    expect(listed.map((line) => line.split(" ").at(-1)?.replace(/\/$/, "")).sort()).toEqual(["m", "out.txt"]);
    expect((await cli("rm", ["rm", "uploads/plain"])).exitCode).toBe(0);
    expect((await cli("ls removed", ["ls", "uploads/plain"])).exitCode).toBe(1);
    expect((await cli("rm again", ["rm", "uploads/plain"])).exitCode).toBe(1);
    expect((await cli("rm several", ["rm", "uploads/packed", "uploads/single"])).exitCode).toBe(0);
    expect((await cli("rm no upload", ["rm", "runs/1"])).exitCode).not.toBe(0);
  });

  scenario("an upload that is cut off", async ({ client, python, isHistorical }) => {
    if (!isHistorical) return;
    writeFileSync(join(client.folder, "big.bin"), Buffer.alloc(6_000_000, "0123456789"));
    const { tap } = clients();
    tap.cutNext("PATCH", 4_000_000);
    const upload = `import spell.client
client = spell.client.from_environment()
dataset = client.api.new_dataset("resumed", None, False)
def send(): client.api.upload_file("big.bin", dataset.id, "big.bin", retries=0)
`;
    expect((await python("cut", `${upload}send()`)).stderr).toContain("TusUploadFailed");
    const places = () => tap.requests().filter((request) => /^HEAD .*datasets/.test(request));
    const [place = ""] = places().slice(-1);
    const token = /^token: (\S+)$/m.exec(readFileSync(client.farm.configuration, "utf8"))?.[1] ?? "";
    const headers = { Authorization: `Bearer ${token}`, "Tus-Resumable": "1.0.0" };
    const { headers: found } = await fetch(`${tap.url}${place.slice("HEAD ".length)}`, { method: "HEAD", headers });
    expect(Number(found.get("upload-offset"))).toBeGreaterThan(0);
    // Until the coordinator has noticed that the first connection is gone, it says that somebody else is sending.
    const { stdout } = await python(
      "goes on",
      `${upload}
import time
for attempt in range(100):
    try:
        send()
        client.api.complete_upload(dataset.id)
        break
    except Exception as error:
        time.sleep(0.1)
client.resources.cp("uploads/resumed/big.bin", "again", quiet=True)
print(open("again/big.bin", "rb").read() == open("big.bin", "rb").read())
`,
    );
    expect(stdout).toBe("True\n");
    expect(places().slice(-1)).toEqual([place]);
  });

  scenario("links", async ({ cli }) => {
    await cli("none", ["link"]);
    expect((await cli("link", ["link", "latest", "runs/1"])).exitCode).toBe(0);
    expect((await cli("again", ["link", "latest", "runs/1"])).exitCode).toBe(0);
    await cli("all", ["link"]);
    expect((await cli("one", ["link", "latest"])).stdout).toContain("latest → runs/1");
    expect((await cli("unknown", ["link", "nope"])).stdout).toContain("No links");
    expect((await cli("ls", ["ls", "latest"])).stdout).toContain("out.txt");
    await cli("ls the root", ["ls"]);
    expect((await cli("mount", ["run", "-f", "-m", "latest/out.txt:in", "cat in"])).stdout).toContain("\nalpha\n");
    expect((await cli("bad alias", ["link", "a/b", "runs/1"])).exitCode).not.toBe(0);
    await cli("to nothing", ["link", "void", "runs/99"]);
    expect((await cli("unlink", ["unlink", "latest"])).exitCode).toBe(0);
    expect((await cli("unlink again", ["unlink", "latest"])).exitCode).toBe(1);
  });

  scenario("models", async ({ client, cli, python }) => {
    await cli("none", ["model", "list"]);
    await cli("create", ["model", "create", "net", "runs/1", "-f", "out.txt:weights.txt"]);
    await cli("create a version", ["model", "create", "net:special", "runs/1/m", "-d", "whole"]);
    await cli("create again", ["model", "create", "net:special", "runs/1/m"]);
    await cli("create of nothing", ["model", "create", "other", "runs/99"]);
    expect((await cli("list", ["model", "list"])).stdout).toContain("net");
    expect((await cli("describe", ["model", "describe", "net"])).stdout).toMatch(/^v1 /m);
    expect((await cli("describe a version", ["model", "describe", "net:special"])).stdout).toContain("whole");
    expect((await cli("describe nothing", ["model", "describe", "nope"])).exitCode).toBe(1);
    expect((await cli("describe no version", ["model", "describe", "net:v9"])).exitCode).toBe(1);
    const edit = ["model", "update-description", "net:v1", "first try"];
    expect((await cli("update-description", edit)).exitCode).toBe(0);
    expect((await cli("describe it", ["model", "describe", "net:v1"])).stdout).toContain("first try");
    expect((await cli("download", ["model", "download", "net:special", "-d", "got"])).exitCode).toBe(0);
    expect(readFileSync(join(client.folder, "got", "d", "e"), "utf8")).toBe("deep\n");
    const { stdout } = await python(
      "library",
      `import spell.client
client = spell.client.from_environment()
model = client.models.new("other", "runs/1", files=["out.txt"])
print(model.name, model.model_versions[0].formatted_version, [each.name for each in client.models.list()])
print([each.formatted_version for each in client.models.get("net").model_versions])
client.models.get("net", "v1").download(dest="of-the-model", quiet=True)
client.models.rm("other")
print([each.name for each in client.models.list()])
`,
    );
    expect(stdout).toContain("other v1");
    expect(readFileSync(join(client.folder, "of-the-model", "out.txt"), "utf8")).toBe("alpha\nalpha\n");
    expect((await cli("rm not", ["model", "rm", "net:v1"], { input: "n\n" })).exitCode).toBe(0);
    expect((await cli("download what", ["model", "download", "net"])).exitCode).toBe(1);
    expect((await cli("download no version", ["model", "download", "net:v9"])).exitCode).toBe(1);
    expect((await cli("rm a version", ["model", "rm", "net:v1"], { input: "y\n" })).exitCode).toBe(0);
    expect((await cli("describe what is left", ["model", "describe", "net"])).stdout).not.toMatch(/^v1 /m);
    expect((await cli("rm", ["model", "rm", "net"], { input: "y\n" })).exitCode).toBe(0);
    await cli("rm again", ["model", "rm", "net"], { input: "y\n" });
  });
});
