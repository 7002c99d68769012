/** Values that one database or the other cannot hold: all drivers answer alike. */
import { describe, expect, it } from "vitest";
import type { OpenFixture } from "./samples.ts";
import { sampleNotice, sampleRun, sampleSpec } from "./samples.ts";

const NUL = "a\0b";
/** Half of a character, as a careless program sends it. */
const HALF = "a\ud83d";

export function describeHostileValues(open: OpenFixture): void {
  describe("values that no database holds", () => {
    it("NUL in a text is refused by name, and nothing is written", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const writes = [
        () => store.createRun(sampleRun({ spec: sampleSpec({ command: NUL }) }), ""),
        () => store.createRun(sampleRun({ spec: sampleSpec({ environment: { [NUL]: "x" } }) }), ""),
        () => store.createRun(sampleRun({ labels: ["fine", NUL] }), ""),
        () => store.createRun(sampleRun({ owner: NUL }), ""),
        () => store.ensureUser({ name: NUL, email: "n@example.org", createdAtMs: 1 }),
      ];
      for (const write of writes) {
        await expect(write(), String(write)).rejects.toMatchObject({ code: "invalid-input", reason: "nul-in-text" });
      }
      expect(await store.listRuns({ owner: "ann", pageSize: 9 })).toEqual([]);
    });

    it("what is asked for by a text with NUL is not there", async () => {
      await using fixture = await open();
      const { store } = fixture;
      expect(await store.findUser(NUL)).toBeUndefined();
      expect(await store.findToken(NUL)).toBeUndefined();
      expect(await store.findRunByClientKey("ann", NUL)).toBeUndefined();
      expect(await store.listRuns({ owner: NUL, pageSize: 9 })).toEqual([]);
    });

    it("half a character reads as the sign for what is unreadable, and what stands around it as it was", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const spec = sampleSpec({ command: HALF, environment: { X: HALF } });
      const { run } = await store.createRun(
        sampleRun({ spec, labels: [HALF], notices: [sampleNotice("whole 🚀")] }),
        "",
      );
      const read = await store.findRun(run.id);
      expect(read?.spec).toMatchObject({ command: "a\ufffd", environment: { X: "a\ufffd" } });
      expect(read?.labels).toEqual(["a\ufffd"]);
      expect((await store.describeLog(run.id))?.before).toMatchObject([{ text: "whole 🚀" }]);
      expect(await store.listRuns({ owner: "ann", pageSize: 9, labels: [HALF] })).toHaveLength(1);
    });

    it("a number that is not whole, or too large for a double, is refused", async () => {
      await using fixture = await open();
      const { store } = fixture;
      for (const createdAtMs of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 2 ** 64]) {
        await expect(store.createRun(sampleRun({ createdAtMs }), ""), String(createdAtMs)).rejects.toMatchObject({
          code: "invalid-input",
          reason: "number-out-of-range",
        });
      }
    });
  });
}
