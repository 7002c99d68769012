/** Models: versions with numbers that are never given twice. */
import { describe, expect, it } from "vitest";
import type { ModelStore, NewModelVersion } from "../models.ts";
import type { OpenFixture } from "./samples.ts";

const fresh = (over: Partial<NewModelVersion> = {}): NewModelVersion => ({
  ...{ owner: "ann", name: "char-rnn", version: "", resource: "runs/1/save", description: `it's "good"; --` },
  files: [{ resourcePath: ".", destinationPath: "" }],
  createdAtMs: 1_700_000_000_123,
  ...over,
});

async function versionsOf(models: ModelStore, name = "char-rnn", owner = "ann"): Promise<string[] | undefined> {
  return (await models.findModel(owner, name))?.versions.map(({ version }) => version);
}

export function describeModels(open: OpenFixture): void {
  describe("models", () => {
    it("get the next number unless the version has a name", async () => {
      await using fixture = await open();
      const { models } = fixture.store;
      const first = await models.addVersion(fresh());
      const { owner, name, ...rest } = fresh();
      expect(first?.version).toEqual({ ...rest, id: first?.version.id, version: "v1" });
      expect(first?.model).toMatchObject({ owner, name, createdAtMs: rest.createdAtMs, versions: [first?.version] });
      await models.addVersion(fresh({ version: "v2" }));
      await models.addVersion(fresh({ version: "best" }));
      expect((await models.addVersion(fresh()))?.version.version).toBe("v3");
      expect(await models.addVersion(fresh({ version: "best" }))).toBeUndefined();
      expect(await versionsOf(models)).toEqual(["v1", "v2", "best", "v3"]);
      expect((await models.addVersion(fresh({ owner: "bob" })))?.version.version).toBe("v1");
    });

    it("are numbered once when versions are made at the same time", async () => {
      await using fixture = await open();
      const { models } = fixture.store;
      await Promise.all(Array.from({ length: 5 }, () => models.addVersion(fresh())));
      expect(await versionsOf(models)).toEqual(["v1", "v2", "v3", "v4", "v5"]);
    });

    it("are listed by owner, newest first, and described", async () => {
      await using fixture = await open();
      const { models } = fixture.store;
      const made = await models.addVersion(fresh());
      await models.addVersion(fresh({ name: "other" }));
      await models.addVersion(fresh({ name: "his", owner: "bob" }));
      expect((await models.listModels("ann")).map(({ name }) => name)).toEqual(["other", "char-rnn"]);
      expect(await models.describeVersion(made?.version.id ?? 0, "ü\n")).toBe(true);
      expect(await models.describeVersion(99, "x")).toBe(false);
      expect((await models.findModel("ann", "char-rnn"))?.versions[0]?.description).toBe("ü\n");
      expect(await models.findModel("bob", "char-rnn")).toBeUndefined();
    });

    it("lose versions, never give a number twice, and go with their last version", async () => {
      await using fixture = await open();
      const { models } = fixture.store;
      await models.addVersion(fresh());
      const second = await models.addVersion(fresh());
      const modelId = second?.model.id ?? 0;
      expect(await models.removeVersion(modelId, second?.version.id ?? 0)).toBe(true);
      expect(await models.removeVersion(modelId, second?.version.id ?? 0)).toBe(false);
      const third = await models.addVersion(fresh());
      expect(await versionsOf(models)).toEqual(["v1", "v3"]);
      await models.removeVersion(modelId, third?.version.id ?? 0);
      await models.removeVersion(modelId, (await models.findModel("ann", "char-rnn"))?.versions[0]?.id ?? 0);
      expect(await versionsOf(models)).toBeUndefined();
    });

    it("are removed with all versions, and outlive the process", async () => {
      await using fixture = await open();
      const kept = await fixture.store.models.addVersion(fresh());
      const gone = await fixture.store.models.addVersion(fresh({ name: "gone" }));
      const { models } = await fixture.reopen();
      expect(await models.removeModel(gone?.model.id ?? 0)).toBe(true);
      expect(await models.removeModel(gone?.model.id ?? 0)).toBe(false);
      expect(await models.listModels("ann")).toEqual([kept?.model]);
    });
  });
}
