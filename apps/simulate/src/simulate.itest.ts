/**
 * The simulation as continuous integration runs it: seeds that failed once, others, and proof that it can fail. The others are the same
 * each time for as long as ADR 17 has a list of what is known to break.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const main = fileURLToPath(new URL("main.ts", import.meta.url));

/** What the command printed, and its exit code. */
async function simulated(...args: string[]): Promise<{ code: number; output: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, ...args], { maxBuffer: 1 << 26 });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

describe("the simulation", { timeout: 600_000 }, () => {
  test("finds every promise kept in seeds that failed once and in others", async () => {
    const { code, output } = await simulated("--seeds", "150", "--from", "1");
    expect(output).toMatch(/0 broke a promise\n$/);
    expect(code).toBe(0);
  });

  test("lives through the same history again for the same seed", async () => {
    const [first, second] = await Promise.all([simulated("--seed", "11"), simulated("--seed", "11")]);
    expect(second.output).toBe(first.output);
    expect(first.output).toMatch(/seed 11: history [0-9a-f]{8}, \d+ steps/);
    expect((await simulated("--seed", "12")).output).not.toBe(first.output);
  });

  test.each(["boot-ignored", "published-before-commit", "acknowledged-before-commit", "archived-before-stored"])(
    "finds the planted bug %s",
    async (name) => {
      const { code, output } = await simulated("--planted", "--only", name);
      expect(output).toContain("1 of 1 planted bugs found");
      expect(code).toBe(0);
    },
  );

  test.each([
    [["--seeds", "many"], '--seeds takes a whole number, not "many"'],
    [["--plant", "nothing", "--seed", "1"], 'No planted bug is called "nothing"'],
    [["--what"], "Unknown option '--what'"],
  ])("refuses %j with a sentence", async (args, sentence) => {
    const { code, output } = await simulated(...args);
    expect(code).toBe(2);
    expect(output).toContain(sentence);
  });
});
