/** What the agent's command line and environment may say of the cache, and what happens when it makes no sense. */
import { afterEach, expect, test, vi } from "vitest";
import { parseConfig } from "./config.ts";

const REQUIRED = ["--coordinator", "127.0.0.1:7800"];

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** Where it exits, what it says. */
function refusal(...args: string[]): { exitCode: unknown; said: string } {
  let said = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said += String(text);
    return true;
  });
  const exit = vi.spyOn(process, "exit").mockImplementation((code) => {
    throw new Error(`exit ${code}`);
  });
  expect(() => parseConfig([...REQUIRED, ...args])).toThrow(/^exit/);
  return { exitCode: exit.mock.calls[0]?.[0], said };
}

test("several coordinators may be given at once; what is no address is refused", () => {
  vi.stubEnv("SPELL_COORDINATOR", "c");
  expect(parseConfig(["--coordinator", "a:1, b"]).coordinators).toEqual(["a:1", "b:7800"]);
  expect(parseConfig([]).coordinators).toEqual(["c:7800"]);
  expect(refusal("--coordinator", "http://a:1")).toMatchObject({
    exitCode: 2,
    said: expect.stringMatching(/HOST:PORT/),
  });
});

test("the cache's size: undefined by default, with units, from a variable, the flag before it", () => {
  vi.stubEnv("SPELL_CACHE_SIZE", undefined);
  expect(parseConfig(REQUIRED).cacheBytes).toBeUndefined();
  expect(parseConfig([...REQUIRED, "--cache-size", "50GiB"]).cacheBytes).toBe(50 * 2 ** 30);
  // More than any disk has is no mistake: what the disk has free bounds the cache as well.
  expect(parseConfig([...REQUIRED, "--cache-size", "1000TiB"]).cacheBytes).toBe(1000 * 2 ** 40);
  vi.stubEnv("SPELL_CACHE_SIZE", "2GB");
  expect(parseConfig(REQUIRED).cacheBytes).toBe(2e9);
  expect(parseConfig([...REQUIRED, "--cache-size", "1MiB"]).cacheBytes).toBe(2 ** 20);
});

test.each(["0", "0GiB", "1000", "-1GiB", "", " ", "much", "1e400GiB", "NaN", "5 parsecs"])(
  "a size of %j is refused with what is allowed",
  (size) => {
    vi.stubEnv("SPELL_CACHE_SIZE", undefined);
    const { exitCode, said } = refusal(`--cache-size=${size}`);
    expect(exitCode).toBe(2);
    expect(said).toMatch(/--cache-size.*(at least 1MiB|size)/s);
  },
);

test("a variable that makes no sense is named", () => {
  vi.stubEnv("SPELL_CACHE_SIZE", "a lot");
  const { exitCode, said } = refusal();
  expect(exitCode).toBe(2);
  expect(said).toContain("SPELL_CACHE_SIZE");
});
