import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { hashToken } from "@spell/run-lifecycle";
import { openSqliteRunStore } from "@spell/run-store/sqlite";
import { tempFolder } from "@spell/testing";
import { loadFirstLogin, loadSecrets } from "./secrets.ts";

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe("the secrets", () => {
  it("are made once, for this user's eyes only", async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "data", "coordinator", "secrets.json");
    const secrets = loadSecrets(path);
    expect(secrets).toEqual({
      storeSecret: expect.stringMatching(/^[0-9a-f]{64}$/),
      runSecret: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(secrets.storeSecret).not.toBe(secrets.runSecret);
    expect([await modeOf(path), await modeOf(dirname(path))]).toEqual([0o600, 0o700]);
    expect(loadSecrets(path)).toEqual(secrets);
  });

  it.each([
    ["", "storeSecret, runSecret"],
    ["{", "storeSecret, runSecret"],
    ["null", "storeSecret, runSecret"],
    ["[]", "storeSecret, runSecret"],
    ['{"storeSecret":"x"}', "runSecret"],
    ['{"storeSecret":"x","runSecret":""}', "runSecret"],
    ['{"storeSecret":"x","runSecret":7}', "runSecret"],
  ])("that are damaged (%j) are refused and left as they are", async (text, missing) => {
    await using folder = await tempFolder();
    const path = join(folder.path, "secrets.json");
    await writeFile(path, text);
    const message = `${path} is damaged (no ${missing}): restore it from a copy.`;
    expect(() => loadSecrets(path)).toThrow(expect.objectContaining({ code: "data-loss", message }));
    expect(await readFile(path, "utf8")).toBe(text);
  });

  it("that cannot be kept are refused", async () => {
    await using folder = await tempFolder();
    await writeFile(join(folder.path, "file"), "");
    await mkdir(join(folder.path, "folder", "secrets.json"), { recursive: true });
    for (const path of [join(folder.path, "file", "secrets.json"), join(folder.path, "folder", "secrets.json")]) {
      expect(() => loadSecrets(path)).toThrow(
        expect.objectContaining({
          ...{ code: "unavailable", reason: "data-folder" },
          message: expect.stringMatching(/^Cannot use the data folder: .+--data\.$/),
        }),
      );
    }
  });
});

describe("the first login", () => {
  it("is made once: later starts give the same and do not revive a join token that was used", async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "login.json");
    const store = openSqliteRunStore(join(folder.path, "record.db"));
    const login = await loadFirstLogin(path, store, "ann");
    expect(login).toEqual({
      ...{ userName: "ann", email: "ann@localhost" },
      userToken: expect.stringMatching(/^spell_user_/),
      joinToken: expect.stringMatching(/^spell_join_/),
    });
    expect(await modeOf(path)).toBe(0o600);
    expect(await store.findToken(hashToken(login.userToken))).toEqual({ kind: "user", userName: "ann" });
    const agent = { id: "a", name: "a", machineTypes: [], createdAtMs: 1, lastSeenAtMs: 1, placement: "open" as const };
    expect(await store.joinAgent(hashToken(login.joinToken), agent, "hash")).toBe(true);
    expect(await loadFirstLogin(path, store, "somebody else")).toEqual(login);
    expect(await store.findToken(hashToken(login.joinToken))).toBeUndefined();
    await store.close();
  });

  it("is mended when the file was written and the record was not", async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "login.json");
    const first = openSqliteRunStore(join(folder.path, "first.db"));
    const login = await loadFirstLogin(path, first, "ann");
    await first.close();
    const second = openSqliteRunStore(join(folder.path, "second.db"));
    expect(await loadFirstLogin(path, second, "ann")).toEqual(login);
    expect(await second.findUser("ann")).toMatchObject({ name: "ann", email: "ann@localhost" });
    expect(await second.findToken(hashToken(login.joinToken))).toEqual({ kind: "join" });
    await second.close();
  });
});
