import { expect, it } from "vitest";
import { parseLfsPointer } from "./git-lfs.ts";

const OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${OID}\nsize 12345\n`;

it("reads a pointer, with extensions too", () => {
  expect(parseLfsPointer(POINTER)).toEqual({ digest: OID, sizeBytes: 12345 });
  const extended = POINTER.replace("oid", `ext-0-foo sha256:${OID}\noid`);
  expect(parseLfsPointer(extended)).toEqual({ digest: OID, sizeBytes: 12345 });
});

it.each([
  ["nothing", ""],
  ["an ordinary file", "import spell\n"],
  ["another version", POINTER.replace("v1", "v2")],
  ["another hash", POINTER.replace("sha256", "sha512")],
  ["a short hash", POINTER.replace(OID, OID.slice(1))],
  ["a hash that is a path", POINTER.replace(OID, `../../../../${OID}`)],
  ["a negative size", POINTER.replace("12345", "-1")],
  ["a size beyond all bounds", POINTER.replace("12345", "9".repeat(400))],
  ["more lines", `${POINTER}more\n`],
])("takes %s for no pointer", (_what, text) => {
  expect(parseLfsPointer(text)).toBeUndefined();
});
