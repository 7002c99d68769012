/** kill -9 of the coordinator in the middle of an upload, by either protocol: nothing half is to be seen, and the client goes on. */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readConfigurationFile } from "@spell/sdk";
import { waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { contentsOf } from "../support/contents.ts";
import { Farm } from "../support/farm.ts";

const MEBIBYTE = 1024 * 1024;
const TIMEOUT_MS = 90_000;

/** The farm's HTTP API as its user. */
function apiOf(farm: Farm) {
  const { api_url: url, token, user_name: owner = "" } = readConfigurationFile(farm.configuration);
  const headers = { authorization: `Bearer ${token}`, "tus-resumable": "1.0.0" };
  const call = async (method: string, path: string, body?: object) => {
    const json = body === undefined ? {} : { "content-type": "application/json" };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await fetch(`${url}/v1/${path}`, { method, headers: { ...headers, ...json }, body: text });
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  return { url, owner, headers, call };
}

type Api = ReturnType<typeof apiOf>;

/** kill -9; resolves once its successor answers. */
async function killCoordinator(farm: Farm): Promise<void> {
  await farm.killAndWait("coordinator");
  await waitFor("the coordinator", () =>
    apiOf(farm)
      .call("GET", "users/me")
      .catch(() => undefined),
  );
}

/** Whether anybody could take the upload for a whole one. */
async function expectNothingOf(farm: Farm, name: string): Promise<void> {
  const api = apiOf(farm);
  const listed = await api.call("GET", `datasets/${api.owner}`);
  expect(JSON.parse(listed.text)).toEqual({ user_datasets: [] });
  expect((await farm.spell(["ls", "uploads"])).stdout).not.toContain(name);
  for (const args of [
    ["ls", `uploads/${name}`],
    ["cp", `uploads/${name}`, join(farm.folder, "half")],
    ["run", "-m", `uploads/${name}:/data`, "ls /data"],
  ]) {
    expect((await farm.spell(args, { cwd: farm.folder })).exitCode, args.join(" ")).not.toBe(0);
  }
  expect(readdirSync(farm.folder)).not.toContain("half");
}

async function copied(farm: Farm, name: string): Promise<Record<string, string>> {
  const copy = join(farm.folder, `copy of ${name}`);
  const result = await farm.spell(["cp", `uploads/${name}`, copy], { cwd: farm.folder });
  expect(result.exitCode, result.stderr).toBe(0);
  return contentsOf(copy);
}

describe("the coordinator killed while files are sent by tus", { timeout: TIMEOUT_MS }, () => {
  const bytes = randomBytes(8 * MEBIBYTE);

  async function begin(api: Api, name: string): Promise<{ id: number; location: string }> {
    const begun = await api.call("POST", `datasets/${api.owner}`, { name });
    expect(begun.status, begun.text).toBe(200);
    const { id } = (JSON.parse(begun.text) as { user_dataset: { id: number } }).user_dataset;
    const metadata = `path ${Buffer.from(`${id}/big.bin`).toString("base64")}`;
    const response = await fetch(`${api.url}/v1/datasets/upload`, {
      method: "POST",
      headers: { ...api.headers, "upload-length": String(bytes.length), "upload-metadata": metadata },
    });
    expect(response.status, await response.text()).toBe(201);
    return { id, location: `datasets/${response.headers.get("location")}` };
  }

  /** Sends from there on, a piece at a time; resolves with the status, undefined when the connection broke. */
  async function patch(api: Api, location: string, from: number): Promise<number | undefined> {
    const pieces = async function* () {
      for (let at = from; at < bytes.length; at += 64 * 1024) {
        yield bytes.subarray(at, at + 64 * 1024);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    const headers = {
      ...api.headers,
      "content-type": "application/offset+octet-stream",
      "upload-offset": String(from),
    };
    const request = { method: "PATCH", headers, body: ReadableStream.from(pieces()), duplex: "half" };
    const response = await fetch(`${api.url}/v1/${location}`, request as RequestInit).catch(() => undefined);
    await response?.text().catch(() => undefined);
    return response?.status;
  }

  const offsetOf = async (api: Api, location: string): Promise<number> => {
    const response = await api.call("HEAD", location);
    expect(response.status).toBe(200);
    return Number(response.headers.get("upload-offset"));
  };

  test("what had arrived is there, the rest is sent, and only then there is an upload", async () => {
    await using farm = await Farm.start();
    const { id, location } = await begin(apiOf(farm), "data");
    let offset = 0;
    // Twice: what a second life took has to outlive it as well.
    for (const share of [0.2, 0.6]) {
      const sending = patch(apiOf(farm), location, offset);
      await waitFor("enough bytes", async () => (await offsetOf(apiOf(farm), location)) > share * bytes.length);
      await killCoordinator(farm);
      expect(await sending).toBeUndefined();
      offset = await offsetOf(apiOf(farm), location);
      expect(offset).toBeGreaterThan(share * bytes.length);
      expect(offset).toBeLessThan(bytes.length);
      await expectNothingOf(farm, "data");
      const early = await apiOf(farm).call("POST", `datasets/${apiOf(farm).owner}/${id}/upload_complete`);
      expect([early.status, early.text]).toEqual([400, expect.stringContaining("incomplete-file")]);
    }
    // A client that was started anew as well finds its way by the name.
    expect(await begin(apiOf(farm), "data")).toEqual({ id, location });
    expect(await patch(apiOf(farm), location, offset)).toBe(204);
    await expectNothingOf(farm, "data");
    const api = apiOf(farm);
    // In the middle of making it a tree, too.
    const completing = api.call("POST", `datasets/${api.owner}/${id}/upload_complete`).catch(() => undefined);
    await waitFor("bytes on their way into the store", () => isStoring(farm), { everyMs: 1 });
    await killCoordinator(farm);
    await completing;
    const done = await apiOf(farm).call("POST", `datasets/${api.owner}/${id}/upload_complete`);
    expect(done.status, done.text).toBe(200);
    expect(await copied(farm, "data")).toEqual({ "big.bin": createHash("sha256").update(bytes).digest("hex") });
  });
});

/** Whether an object is being put, or was. */
function isStoring(farm: Farm): boolean {
  const root = join(farm.data, "objects");
  return readdirSync(root, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size,
  );
}

describe("the coordinator killed while a folder is sent by spell upload", { timeout: TIMEOUT_MS }, () => {
  function makeFolder(farm: Farm): string {
    const folder = join(farm.folder, "folder");
    mkdirSync(folder);
    for (const number of [1, 2, 3, 4]) writeFileSync(join(folder, `large ${number}`), randomBytes(12 * MEBIBYTE));
    for (let number = 0; number < 300; number += 1) writeFileSync(join(folder, `small ${number}`), randomBytes(5_000));
    return folder;
  }

  test("the command goes on by itself", async () => {
    await using farm = await Farm.start();
    const folder = makeFolder(farm);
    using upload = farm.startSpell(["upload", folder, "--name", "data"], { cwd: farm.folder });
    await waitFor("bytes on their way into the store", () => isStoring(farm), { everyMs: 1 });
    await farm.killAndWait("coordinator");
    const { exitCode, stderr } = await upload.done;
    expect(exitCode, stderr).toBe(0);
    expect(await copied(farm, "data")).toEqual(contentsOf(folder));
  });

  test("killed with the command, it shows nothing, and the next upload is whole", async () => {
    await using farm = await Farm.start();
    const folder = makeFolder(farm);
    using upload = farm.startSpell(["upload", folder, "--name", "data"], { cwd: farm.folder });
    await waitFor("bytes on their way into the store", () => isStoring(farm), { everyMs: 1 });
    const restarted = killCoordinator(farm);
    upload.signal("SIGKILL");
    await restarted;
    await expectNothingOf(farm, "data");
    // Puts that were cut off leave nothing behind.
    expect(readdirSync(join(farm.data, "objects", "tmp"))).toEqual([]);
    const again = await farm.spell(["upload", folder, "--name", "data"], { cwd: farm.folder });
    expect(again.exitCode, again.stderr).toBe(0);
    expect(await copied(farm, "data")).toEqual(contentsOf(folder));
  });
});
