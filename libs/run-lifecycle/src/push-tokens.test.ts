import { describe, expect, it } from "vitest";
import { PushTokens } from "./push-tokens.ts";

describe("a push token", () => {
  it("names its workspace until a quarter of an hour has passed", () => {
    let nowMs = 1_000;
    const tokens = new PushTokens("secret", () => nowMs);
    const token = tokens.make(7);
    expect(tokens.read(token)).toBe(7);
    nowMs += 15 * 60_000 - 1;
    expect(tokens.read(token)).toBe(7);
    nowMs += 1;
    expect(tokens.read(token)).toBeUndefined();
  });

  it("is good for nothing once a letter is changed, or under another secret", () => {
    const tokens = new PushTokens("secret", () => 1_000);
    const token = tokens.make(7);
    expect(new PushTokens("other", () => 1_000).read(token)).toBeUndefined();
    for (const bad of [
      token.replace("_7_", "_8_"),
      token.replace("_901000_", "_999999999_"),
      token.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
      `${token}0`,
      ` ${token}`,
      "spell_push_7_901000_",
      "spell_user_x",
      "",
    ]) {
      expect(tokens.read(bad), bad).toBeUndefined();
    }
  });
});
