import { SpellError } from "@spell/domain";
import { expect, test } from "vitest";
import { asPassing } from "./coordinator-client.ts";

test("a full disk of the coordinator's is waited for, other limits are not", () => {
  const full = new SpellError("exhausted", "The disk of the record is full.", { reason: "disk-full" });
  expect(asPassing(full)).toMatchObject({ code: "unavailable", reason: "disk-full", message: full.message });
  for (const other of [new SpellError("exhausted", "Too many."), new SpellError("data-loss", "x"), new Error("x")])
    expect(asPassing(other)).toBe(other);
});
