/** Links: one path for each alias of an owner. */
import { describe, expect, it } from "vitest";
import type { LinkRecord } from "../links.ts";
import type { OpenFixture } from "./samples.ts";

const link = (owner: string, alias: string): LinkRecord => ({
  ...{ owner, alias },
  resourcePath: `runs/1/ü 'x" -- ${alias}`,
  createdAtMs: 1_700_000_000_123,
});

export function describeLinks(open: OpenFixture): void {
  describe("links", () => {
    it("are kept by owner and alias, each alias once", async () => {
      await using fixture = await open();
      const { links } = fixture.store;
      expect(await links.listLinks("ann")).toEqual([]);
      for (const each of [link("ann", "b"), link("ann", "a"), link("bob", "a")]) {
        expect(await links.addLink(each)).toBe(true);
      }
      expect(await links.addLink({ ...link("ann", "a"), resourcePath: "runs/2" })).toBe(false);
      expect(await links.findLink("ann", "a")).toEqual(link("ann", "a"));
      expect(await links.findLink("ann", "A")).toBeUndefined();
      expect(await links.listLinks("ann")).toEqual([link("ann", "a"), link("ann", "b")]);
      expect(await links.listLinks("bob")).toEqual([link("bob", "a")]);
    });

    it("are removed, and outlive the process", async () => {
      await using fixture = await open();
      await fixture.store.links.addLink(link("ann", "a"));
      await fixture.store.links.addLink(link("bob", "a"));
      const { links } = await fixture.reopen();
      expect(await links.removeLink("ann", "a")).toBe(true);
      expect(await links.removeLink("ann", "a")).toBe(false);
      expect(await links.findLink("ann", "a")).toBeUndefined();
      expect(await links.findLink("bob", "a")).toEqual(link("bob", "a"));
    });
  });
}
