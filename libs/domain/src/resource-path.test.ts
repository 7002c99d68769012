/** Hostile paths are refused here, so that nothing behind has to think of them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isCleanRelativePath } from "./resource.ts";
import { checkAlias, checkResourceName, formatResourcePath, parseResourcePath } from "./resource-path.ts";

describe("parseResourcePath", () => {
  it.each([
    ["", { kind: "root" }],
    ["/", { kind: "root" }],
    ["runs", { kind: "runs" }],
    ["runs/", { kind: "runs" }],
    ["uploads//", { kind: "uploads" }],
    ["public", { kind: "public", path: "" }],
    ["public/images/faces", { kind: "public", path: "images/faces" }],
    ["runs/12", { kind: "run", runId: 12, path: "" }],
    ["runs/12///", { kind: "run", runId: 12, path: "" }],
    ["runs/12/save/.", { kind: "run", runId: 12, path: "save" }],
    ["runs/12/a/b c/ü.txt", { kind: "run", runId: 12, path: "a/b c/ü.txt" }],
    ["runs/12/..a/b..", { kind: "run", runId: 12, path: "..a/b.." }],
    ["runs/999999999999999", { kind: "run", runId: 999_999_999_999_999, path: "" }],
    ["uploads/data", { kind: "upload", name: "data", path: "" }],
    ["uploads/v1.2 (b)/x/y", { kind: "upload", name: "v1.2 (b)", path: "x/y" }],
    ["montagmodel/checkpoint", { kind: "link", alias: "montagmodel", path: "checkpoint" }],
    ["RUNS", { kind: "link", alias: "RUNS", path: "" }],
  ])("takes %j", (text, parsed) => {
    expect(parseResourcePath(text)).toEqual(parsed);
  });

  it.each([
    ..."runs/x runs/-1 runs/1.5 runs/1e3 runs/9999999999999999 /runs/1 //runs/1 ./runs/1 ../runs/1 .. . //".split(" "),
    ...["runs/ 1", "runs/1 ", "runs/1\n/x", "\nruns/1", "runs/١", "runs/1/..", "runs/1/../2", "runs/1/a/../../2"],
    ...["runs/1/./a", "runs/1//a", "runs/1/\0", "runs/1/a\0/b", "uploads/..", "uploads/../runs", "uploads/a/../b"],
    ...["a.b/c", "a:b", "s3://bucket/x", "gs://bucket", " ", "a\tb"],
  ])("refuses %j and says how to write one", (text) => {
    expect(parseResourcePath(text)).toEqual({ kind: "none", why: expect.stringMatching(/^(write|buckets) /) });
  });

  it("gives clean paths and safe numbers for whatever it takes", () => {
    const piece = fc.constantFrom("runs", "uploads", "/", "12", "..", ".", "a", "\0", " ", "9".repeat(20));
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const parsed = parseResourcePath(pieces.join(""));
        if ("path" in parsed) expect(isCleanRelativePath(parsed.path, { allowEmpty: true })).toBe(true);
        if (parsed.kind === "run") expect(Number.isSafeInteger(parsed.runId)).toBe(true);
        if (parsed.kind !== "run" && parsed.kind !== "upload") return;
        expect(parseResourcePath(formatResourcePath(parsed))).toEqual(parsed);
      }),
      { numRuns: 400 },
    );
  });
});

describe("names", () => {
  it.each(["a", "montagmodel", "A-b_c 1", "日本"])("%j is an alias", (alias) => {
    expect(() => checkAlias(alias)).not.toThrow();
  });
  it.each(["", " ", "public", "runs", "uploads", ...'/ . " \\ [ ] : ; | = ,'.split(" ").map((c) => `a${c}b`), "a\0"])(
    "%j is none",
    (alias) => {
      expect(() => checkAlias(alias)).toThrow(/cannot be an alias: .+\.$/);
    },
  );
  it("of uploads and models may have points, but no slashes, colons or controls", () => {
    checkResourceName("An upload", "data-v1.2.tar");
    for (const name of ["", "  ", ".", "..", "a/b", "a:b", "a\nb", "a\0", "\ud800", "x".repeat(201)]) {
      expect(() => checkResourceName("An upload", name)).toThrow(/^An upload cannot be called /);
    }
  });
});
