/** What `npm run verify` demands besides green tests: a command each, all of them also at hand one by one. */

export interface Check {
  name: string;
  /** Program in node_modules/.bin, and its arguments; run from the root. */
  command: readonly [string, ...string[]];
  /** The command that puts most of its complaints right. */
  cure?: string;
}

/** In the order they are started; the slow ones first. */
export const checks: readonly Check[] = [
  { name: "lint", command: ["eslint", "--max-warnings=0", "."], cure: "npm run lint -- --fix" },
  { name: "types", command: ["tsc", "--noEmit", "-p", "."] },
  { name: "format", command: ["prettier", "--check", "--log-level=warn", "."], cure: "npm run format" },
  { name: "unused code", command: ["knip", "--no-progress", "--no-config-hints"] },
  { name: "contract", command: ["buf", "lint"] },
  { name: "contract format", command: ["buf", "format", "--diff", "--exit-code"], cure: "npm run codegen" },
  { name: "generated code", command: ["node", "tools/codegen/codegen.ts", "--check"], cure: "npm run codegen" },
  { name: "repository rules", command: ["node", "tools/checks/run.ts"] },
];
