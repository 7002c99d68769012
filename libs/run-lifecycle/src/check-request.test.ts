import { describe, expect, it } from "vitest";
import type { RequestTexts } from "./check-request.ts";
import { checkRequest } from "./check-request.ts";

const MAX = 128 * 1024 - 1;

function request(over: Partial<RequestTexts>): RequestTexts {
  return { command: "python train.py", cwd: "", environment: {}, description: "", stopConditions: [], ...over };
}

function refused(over: Partial<RequestTexts>, reason: string): void {
  expect(() => checkRequest(request(over))).toThrow(
    expect.objectContaining({ name: "SpellError", code: "invalid-input", reason }),
  );
}

describe("checkRequest", () => {
  it.each([
    ["", ""],
    [".", ""],
    ["./", ""],
    ["a/b", "a/b"],
    ["./a//b/./", "a/b"],
    ["a b/ü", "a b/ü"],
    ["..a/b..", "..a/b.."],
  ])("normalises the working directory %j", (cwd, expected) => {
    expect(checkRequest(request({ cwd }))).toEqual({ cwd: expected });
  });

  it.each(["/", "/etc", "//", "..", "../a", "a/..", "a/../..", "a/./..", "a\0b", "\0"])(
    "refuses the working directory %j",
    (cwd) => refused({ cwd }, "bad-cwd"),
  );

  it.each([
    "echo 'quotes' \"and\" $(more) `of` ; them && \\",
    "line\nbreaks\r\n\ttabs",
    "ü 日本 🚀",
    "-rf",
    "x".repeat(MAX),
  ])("takes a command as it is", (command) => {
    expect(() => checkRequest(request({ command }))).not.toThrow();
  });

  it.each(["", " ", "\n\t "])("refuses the empty command %j", (command) => refused({ command }, "empty-command"));

  it("refuses what no program can be given", () => {
    refused({ command: "a\0b" }, "nul-byte");
    refused({ command: "\0" }, "nul-byte");
    refused({ environment: { A: "a\0b" } }, "nul-byte");
  });

  it("counts bytes, not characters", () => {
    refused({ command: "x".repeat(MAX + 1) }, "too-long");
    refused({ command: "ü".repeat(MAX / 2 + 1) }, "too-long");
    refused({ environment: { A: "x".repeat(MAX - 1) } }, "too-long");
    expect(() => checkRequest(request({ environment: { A: "x".repeat(MAX - 2) } }))).not.toThrow();
  });

  it.each(["", "A=B", "=", "A\0", "\0"])("refuses %j as the name of a variable", (name) =>
    refused({ environment: { [name]: "x" } }, "bad-environment"),
  );

  it.each(["A", "lower", "WITH.DOT", "with space", "toString", "1"])("takes %j as the name of a variable", (name) => {
    expect(() => checkRequest(request({ environment: { [name]: "=x=" } }))).not.toThrow();
  });

  it("looks at a variable that is called __proto__ like at any other", () => {
    refused({ environment: JSON.parse('{"__proto__":"a\\u0000b"}') as Record<string, string> }, "nul-byte");
  });

  it("names the variable that is wrong", () => {
    expect(() => checkRequest(request({ environment: { GOOD: "1", BAD: "\0" } }))).toThrow(
      /^Environment variable BAD /,
    );
  });

  it("bounds the description", () => {
    expect(() => checkRequest(request({ description: "d".repeat(10_000) }))).not.toThrow();
    refused({ description: "d".repeat(10_001) }, "too-long");
  });
});
