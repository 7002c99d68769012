import { describe, expect, test } from "vitest";
import { parseOptions } from "./options.ts";

const parse = (...words: string[]) => parseOptions(words, () => 42);

describe("options of a trial", () => {
  test("without any: a short trial of all kinds, and a seed by chance", () => {
    expect(parse()).toMatchObject({ faults: 20, seed: 42, record: "sqlite", store: "minio", together: 2 });
    expect(parse().kinds).toContain("partition");
  });

  test("as given", () => {
    const words = ["--faults", "200", "--seed", "7", "--kind", "kill-agent", "kill-nats", "--store", "directory"];
    expect(parse(...words)).toMatchObject({
      ...{ faults: 200, seed: 7, store: "directory" },
      kinds: ["kill-agent", "kill-nats"],
    });
  });

  test.each([
    [["--faults", "0"], "Expected a whole number from 1 to 10000."],
    [["--faults", "1e3"], "Expected a whole number"],
    [["--seed", "-1"], "Expected a whole number"],
    [["--kind", "earthquake"], "Allowed choices are"],
    [["--record", "oracle"], "Allowed choices are"],
    [["--lease-seconds", "1"], "Expected a whole number from 20"],
    [["200"], "too many arguments"],
    [["--fault", "3"], "unknown option"],
  ])("%j is refused: %s", (words, sentence) => {
    expect(() => parse(...words)).toThrow(sentence);
  });
});
