/** Hostile paths are refused here, so that nothing behind has to think of them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SpellError } from "./errors.ts";
import { isCleanRelativePath, resolveMountPoint } from "./resource.ts";

function refusal(action: () => unknown): SpellError {
  try {
    action();
  } catch (error) {
    if (error instanceof SpellError) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

describe("isCleanRelativePath", () => {
  it.each(["a", "a/b", "...", "..a", "a..", ".hidden", " ", "a\\..\\b"])("takes %j", (path) => {
    expect(isCleanRelativePath(path)).toBe(true);
  });
  it.each(["", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "a/../b", "../a", "a\0"])("refuses %j", (path) => {
    expect(isCleanRelativePath(path)).toBe(false);
  });
  it("takes the empty path only where it is allowed", () => {
    expect(isCleanRelativePath("", { allowEmpty: true })).toBe(true);
    expect(isCleanRelativePath("..", { allowEmpty: true })).toBe(false);
  });
});

describe("resolveMountPoint", () => {
  it.each([
    ["data", "repo", "/spell/repo/data"],
    ["data", "", "/spell/data"],
    ["./data/", "repo", "/spell/repo/data"],
    ["a//b", "repo", "/spell/repo/a/b"],
    ["/data", "repo", "/data"],
    ["//data//sets/", "repo", "/data/sets"],
    ["/data/./sets", "repo", "/data/sets"],
    ["/spell/data", "repo", "/spell/data"],
    ["/spell/repo/data", "repo", "/spell/repo/data"],
    ["/process", "repo", "/process"],
    ["proc/1", "repo", "/spell/repo/proc/1"],
    ["..data", "repo", "/spell/repo/..data"],
  ])("%j with code root %j is %s", (mountPoint, codeRoot, expected) => {
    expect(resolveMountPoint("runs/1/save", mountPoint, codeRoot)).toBe(expected);
  });

  it.each([
    ["runs/1/save", "/spell/repo/save"],
    ["runs/1/save/", "/spell/repo/save"],
    ["runs/1/a/model.h5", "/spell/repo/model.h5"],
    ["runs/12", "/spell/repo/12"],
  ])("without one, %s goes to %s", (resource, expected) => {
    expect(resolveMountPoint(resource, "", "repo")).toBe(expected);
  });

  it.each([
    "/",
    "//",
    "/.",
    ".",
    "./",
    "/spell",
    "/spell/",
    "//spell//",
    "/spell/repo",
    "/spell/./repo/",
    "/proc",
    "/proc/x",
    "//proc/x",
    "/./proc/self",
    "/sys/kernel",
    "/dev",
    "/dev/shm/x",
    "..",
    "../x",
    "a/../b",
    "/a/..",
    "/a/../proc",
    "/spell/../etc",
    "a\0b",
    "/data\0",
  ])("refuses %j", (mountPoint) => {
    const error = refusal(() => resolveMountPoint("runs/1/save", mountPoint, "repo"));
    expect(error).toMatchObject({ code: "invalid-input", reason: "bad-mount" });
    expect(error.message).toContain("runs/1/save");
  });

  it("refuses the code's root also when there is no code", () => {
    expect(refusal(() => resolveMountPoint("runs/1/save", ".", "")).reason).toBe("bad-mount");
    expect(refusal(() => resolveMountPoint("runs/1/save", "/spell", "")).reason).toBe("bad-mount");
  });

  it("says NUL when it is a NUL", () => {
    const { message } = refusal(() => resolveMountPoint("runs/1/save", "a\0b", "repo"));
    expect(message).toContain("NUL");
    expect(message).not.toContain("\0");
  });

  it("always gives an absolute normalised path of its own", () => {
    const piece = fc.constantFrom("/", "..", ".", "spell", "repo", "proc", "a", "\0", " ");
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1 }).map((pieces) => pieces.join("")),
        (mountPoint) => {
          let path;
          try {
            path = resolveMountPoint("runs/1/save", mountPoint, "repo");
          } catch (error) {
            expect(error).toBeInstanceOf(SpellError);
            return;
          }
          expect(path.startsWith("/")).toBe(true);
          expect(isCleanRelativePath(path.slice(1))).toBe(true);
          expect(["/spell", "/spell/repo"]).not.toContain(path);
          expect(path).not.toMatch(/^\/(proc|sys|dev)(\/|$)/);
        },
      ),
      { numRuns: 400 },
    );
  });
});
