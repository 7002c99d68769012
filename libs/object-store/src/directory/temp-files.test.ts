import { describe, expect, it } from "vitest";
import { isStaleTempName, newTempName } from "./temp-files.ts";

const dead = (): boolean => false;
const alive = (): boolean => true;

describe("temp files", () => {
  it("names are never used twice", () => {
    expect(newTempName()).not.toBe(newTempName());
  });

  it("a put of this process is never stale", () => {
    expect(isStaleTempName(newTempName(), dead)).toBe(false);
  });

  it("a put of another process is stale once that process is gone", () => {
    expect(isStaleTempName("4194304-0123456789abcdef-7", alive)).toBe(false);
    expect(isStaleTempName("4194304-0123456789abcdef-7", dead)).toBe(true);
  });

  it("an earlier process with our process id is gone, also as process 1 of a container", () => {
    expect(isStaleTempName(`${process.pid}-0123456789abcdef-7`, alive)).toBe(true);
  });

  it("a name of another form is stale", () => {
    expect(isStaleTempName("leftover", alive)).toBe(true);
  });
});
