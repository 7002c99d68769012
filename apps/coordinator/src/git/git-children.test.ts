import { expect, it } from "vitest";
import { isNewEnough } from "./git-children.ts";

it("takes a git that reads its settings from the environment", () => {
  for (const text of ["git version 2.31.0", "git version 2.39.5 (Apple Git-154)", "git version 3.0"]) {
    expect(isNewEnough(text), text).toBe(true);
  }
  for (const text of ["git version 2.30.2", "git version 1.99.0", "", "busybox"])
    expect(isNewEnough(text), text).toBe(false);
});
