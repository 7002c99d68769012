/** Accounts: users who log in, their sessions, access tokens and public keys. */
import { describe, expect, it } from "vitest";
import type { RunStore } from "../run-store.ts";
import type { OpenFixture } from "./samples.ts";

const ann = { name: "ann", email: "ann@example.org", createdAtMs: 1, fullName: "Ann O'Hara" };
const bob = { name: "bob", email: "bob@example.org", createdAtMs: 2 };
const exists = (reason: string) => ({ name: "SpellError", code: "already-exists", reason });

async function addPeople({ accounts }: RunStore): Promise<void> {
  await accounts.createUser(ann, "hash of ann's");
  await accounts.createUser(bob, "hash of bob's");
}

export function describeAccounts(open: OpenFixture): void {
  describe("users who log in", () => {
    it("are found by name or e-mail whatever the letter case, and by nothing else", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await addPeople(store);
      for (const identity of ["ann", "ANN", "ann@example.org", "Ann@Example.Org"]) {
        expect(await store.accounts.findLogin(identity)).toEqual({ user: ann, passwordHash: "hash of ann's" });
      }
      for (const identity of ["", "a%", "_nn", "ann ", "ann\0", "' OR 1=1 --"]) {
        expect(await store.accounts.findLogin(identity), identity).toBeUndefined();
      }
      expect(await store.findUser("ann")).toEqual(ann);
      expect(await store.accounts.listUsers()).toEqual([ann, bob]);
    });

    it("share neither name nor e-mail", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await addPeople(store);
      const { accounts } = store;
      await expect(accounts.createUser({ ...bob, name: "Ann" }, "x")).rejects.toMatchObject(exists("user-name-taken"));
      const sameMail = { ...bob, name: "carol", email: "ANN@example.org" };
      await expect(accounts.createUser(sameMail, "x")).rejects.toMatchObject(exists("email-taken"));
      expect(await accounts.listUsers()).toEqual([ann, bob]);
    });

    it("have no password until one is set, and a new one in place of the old", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.ensureUser({ ...bob, operator: true });
      const { accounts } = store;
      expect(await accounts.findLogin("bob")).toEqual({ user: { ...bob, operator: true }, passwordHash: undefined });
      expect(await accounts.setPassword({ userName: "bob", passwordHash: "one" })).toBe(true);
      expect(await accounts.setPassword({ userName: "bob", passwordHash: "two" })).toBe(true);
      expect(await accounts.findLogin("bob")).toMatchObject({ passwordHash: "two" });
      expect(await accounts.setPassword({ userName: "BOB", passwordHash: "x" })).toBe(false);
    });
  });

  describe("sessions", () => {
    it("end one by one, and none but sessions end so", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await addPeople(store);
      const { accounts } = store;
      for (const hash of ["s1", "s2"]) await accounts.addSession({ hash, userName: "ann", createdAtMs: 7 });
      await accounts.addAccessToken({ hash: "a", userName: "ann", name: "laptop", createdAtMs: 8 });
      await store.addToken("t", { kind: "user", userName: "ann" }, 9);
      expect(await store.findToken("s1")).toEqual({ kind: "user", userName: "ann" });
      expect(await store.findUser("ann")).toMatchObject({ lastLoginAtMs: 7 });
      expect(await accounts.endSession("s1")).toBe(true);
      for (const hash of ["s1", "a", "t", "unknown"]) expect(await accounts.endSession(hash), hash).toBe(false);
      const found = await Promise.all(["s1", "s2", "a", "t"].map((hash) => store.findToken(hash)));
      expect(found.map((token) => token !== undefined)).toEqual([false, true, true, true]);
    });

    it("of a user end with a new password, but the one kept; access tokens and others' stay", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await addPeople(store);
      const { accounts } = store;
      for (const hash of ["s1", "s2"]) await accounts.addSession({ hash, userName: "ann", createdAtMs: 7 });
      await accounts.addSession({ hash: "b", userName: "bob", createdAtMs: 7 });
      await accounts.addAccessToken({ hash: "a", userName: "ann", name: "laptop", createdAtMs: 8 });
      const left = async () => {
        const hashes = ["s1", "s2", "a", "b"];
        const found = await Promise.all(hashes.map((hash) => store.findToken(hash)));
        return hashes.filter((_hash, index) => found[index] !== undefined);
      };
      await accounts.setPassword({ userName: "ann", passwordHash: "x", keptSession: "s2" });
      expect(await left()).toEqual(["s2", "a", "b"]);
      await accounts.setPassword({ userName: "ann", passwordHash: "y" });
      expect(await left()).toEqual(["a", "b"]);
    });

    it("cannot take over a token that is known", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await addPeople(store);
      await store.accounts.addSession({ hash: "s", userName: "ann", createdAtMs: 1 });
      const again = store.accounts.addSession({ hash: "s", userName: "bob", createdAtMs: 2 });
      await expect(again).rejects.toMatchObject({ code: "already-exists" });
      expect(await store.findToken("s")).toEqual({ kind: "user", userName: "ann" });
    });
  });

  describe("access tokens", () => {
    it("are named once per user, listed, remembered when used, and removed by name", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await addPeople(store);
      const { accounts } = store;
      await accounts.addAccessToken({ hash: "a1", userName: "ann", name: "ci", createdAtMs: 2 });
      await accounts.addAccessToken({ hash: "a2", userName: "ann", name: "CI", createdAtMs: 1 });
      await accounts.addAccessToken({ hash: "b1", userName: "bob", name: "ci", createdAtMs: 3 });
      const again = accounts.addAccessToken({ hash: "a3", userName: "ann", name: "ci", createdAtMs: 4 });
      await expect(again).rejects.toMatchObject(exists("access-token-exists"));
      expect(await store.findToken("a3")).toBeUndefined();
      await accounts.touchAccessToken("a1", 99);
      await accounts.touchAccessToken("unknown", 99);
      expect(await accounts.listAccessTokens("ann")).toEqual([
        { name: "CI", createdAtMs: 1 },
        { name: "ci", createdAtMs: 2, lastUsedAtMs: 99 },
      ]);
      expect(await store.findToken("a1")).toEqual({ kind: "user", userName: "ann", accessToken: "ci" });
      expect(await accounts.removeAccessToken("ann", "ci")).toBe(true);
      expect(await accounts.removeAccessToken("ann", "ci")).toBe(false);
      expect(await store.findToken("a1")).toBeUndefined();
      expect(await accounts.listAccessTokens("bob")).toHaveLength(1);
      await accounts.addAccessToken({ hash: "a4", userName: "ann", name: "ci", createdAtMs: 5 });
    });
  });

  describe("public keys", () => {
    const key = (userName: string, text: string) => {
      return {
        userName,
        title: `${text} of ${userName}`,
        publicKey: text,
        fingerprint: `SHA256:${text}`,
        createdAtMs: 5,
      };
    };

    it("are numbered, each once per user, and others' are not there", async () => {
      await using fixture = await open();
      const { accounts } = fixture.store;
      const first = await accounts.addKey(key("ann", "k1"));
      expect(first).toEqual({ ...key("ann", "k1"), id: expect.any(Number) });
      const second = await accounts.addKey(key("ann", "k2"));
      await accounts.addKey(key("bob", "k1"));
      const again = accounts.addKey({ ...key("ann", "k1"), title: "other" });
      await expect(again).rejects.toMatchObject(exists("key-exists"));
      expect(await accounts.listKeys("ann")).toEqual([first, second]);
      expect(await accounts.findKey("ann", first.id)).toEqual(first);
      expect(await accounts.findKey("bob", first.id)).toBeUndefined();
      expect(await accounts.removeKey("bob", first.id)).toBe(false);
      expect(await accounts.removeKey("ann", first.id)).toBe(true);
      expect(await accounts.removeKey("ann", first.id)).toBe(false);
      expect(await accounts.listKeys("ann")).toEqual([second]);
      expect((await accounts.addKey(key("ann", "k3"))).id).toBeGreaterThan(second.id);
    });
  });

  describe("accounts opened again", () => {
    it("are the same", async () => {
      await using fixture = await open();
      await addPeople(fixture.store);
      const { accounts } = fixture.store;
      await accounts.addSession({ hash: "s", userName: "ann", createdAtMs: 7 });
      await accounts.addAccessToken({ hash: "a", userName: "ann", name: "laptop", createdAtMs: 8 });
      const key = await accounts.addKey({ ...ann, userName: "ann", title: "t", publicKey: "k", fingerprint: "f" });
      const reopened = await fixture.reopen();
      expect(await reopened.accounts.findLogin("ann")).toMatchObject({ user: ann, passwordHash: "hash of ann's" });
      expect(await reopened.accounts.listAccessTokens("ann")).toEqual([{ name: "laptop", createdAtMs: 8 }]);
      expect(await reopened.accounts.listKeys("ann")).toEqual([key]);
      expect(await reopened.accounts.endSession("s")).toBe(true);
    });
  });
}
