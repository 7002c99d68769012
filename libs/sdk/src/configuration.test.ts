import { describe, expect, it } from "vitest";
import { coordinatorBeside, coordinatorOf } from "./configuration.ts";

describe("where the coordinator is", () => {
  const ours = { coordinator: "a:1", api_url: "http://a:2" };
  it.each([
    ["the variable", { SPELL_COORDINATOR: "b:5", SPELL_API_URL: "http://c:9" }, ours, "b:5"],
    ["our file", {}, ours, "a:1"],
    ["our file, with the API's variable set to what it says", { SPELL_API_URL: "http://a:2" }, ours, "a:1"],
    ["one port below the API that a variable names", { SPELL_API_URL: "http://c:9" }, ours, "c:8"],
    ["the same with a file of the former client", { SPELL_API_URL: "http://c:9" }, {}, "c:8"],
    ["the library's variable first", { SPELL_BASE_URL: "http://d:9", SPELL_API_URL: "http://c:9" }, {}, "d:8"],
    ["the URLs of several", { SPELL_API_URL: "http://c:9,http://d:9" }, ours, "c:8,d:8"],
    ["this machine when nothing says", { SPELL_API_URL: "" }, {}, "127.0.0.1:7800"],
  ])("is said by %s", (_what, environment, file, expected) => {
    expect(coordinatorOf(environment, file)).toBe(expected);
  });

  it.each(["", "c:9", "ftp://c:9", "http://"])("is not said by %j", (url) => {
    expect(() => coordinatorBeside(url)).toThrow(expect.objectContaining({ reason: "bad-address" }));
  });
});
