/** How tests run: `x.test.ts` are unit tests in milliseconds, `x.itest.ts` start real servers and processes. */
import { defineConfig } from "vitest/config";

const exclude = ["**/node_modules/**", "**/dist/**", "**/gen/**", ".cache/**", ".venv/**"];

export default defineConfig({
  test: {
    pool: "forks",
    // Continuous integration has two cores; more workers would only make servers miss their deadlines.
    maxWorkers: 2,
    teardownTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["**/*.test.ts"], exclude, testTimeout: 5_000, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["**/*.itest.ts"],
          exclude,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
