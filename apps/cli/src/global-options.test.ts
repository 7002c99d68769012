import { expect, test } from "vitest";
import { coordinatorBeside } from "@spell/sdk";
import { asksForStack, commandPosition } from "./global-options.ts";

test.each([
  [["ps"], 0],
  [["--spell-dir", "run", "ps"], 2],
  [["--spell-dir=run", "ps"], 1],
  [["--debug", "--api-url", "http://x", "run", "ps"], 3],
  [["--help"], -1],
  [["--spell-dir"], -1],
  [[], -1],
])("the command among %j is at %d", (args, at) => expect(commandPosition(args)).toBe(at));

test("the place of an error is told only when asked for before the command", () => {
  expect(asksForStack(["--debug", "ps"])).toBe(true);
  expect(asksForStack(["--verbose"])).toBe(true);
  expect(asksForStack(["logs", "--verbose", "1"])).toBe(false);
});

test("gRPC is one port below HTTP", () => {
  expect(coordinatorBeside("http://127.0.0.1:7801")).toBe("127.0.0.1:7800");
  expect(coordinatorBeside("http://[::1]:7801/")).toBe("[::1]:7800");
  expect(coordinatorBeside("https://spell.example.org")).toBe("spell.example.org:442");
  for (const bad of ["", "127.0.0.1:7801", "ftp://x:1", "nonsense"]) {
    expect(() => coordinatorBeside(bad)).toThrow("is no address");
  }
});
