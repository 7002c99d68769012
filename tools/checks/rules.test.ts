import { describe, expect, test } from "vitest";
import { noDisabledTests, noTodo, shortFiles } from "./finished.ts";
import { documentsNameRealFiles, lockWithoutAddresses, noMachinePaths, noRegistryHosts } from "./portable.ts";
import type { Rule } from "./rule.ts";
import { exactVersions, oneNode } from "./versions.ts";

const registry = noRegistryHosts(["packages.example"]);
const manifest = (dependencies: Record<string, string>) => JSON.stringify({ dependencies });

const cases: { rule: Rule; path: string; bad: string; good: string }[] = [
  { rule: noMachinePaths, path: "a.md", bad: "see /work/main/x", good: "see /home/user/x and a/work/main" },
  { rule: noMachinePaths, path: "a.ts", bad: `"/root/.cache"`, good: `"/root"` },
  { rule: registry, path: ".npmrc", bad: "registry=https://packages.example/npm", good: "save-exact=true" },
  {
    rule: lockWithoutAddresses,
    path: "package-lock.json",
    bad: `"resolved": "https://x/y.tgz"`,
    good: `"resolved": "libs/domain"`,
  },
  { rule: noDisabledTests, path: "a.test.ts", bad: `test.only("x")`, good: `test.skipIf(noGpu)("x")` },
  { rule: noDisabledTests, path: "a.itest.ts", bad: `describe.concurrent.skip("x")`, good: `stream.skip(3)` },
  { rule: noDisabledTests, path: "test_a.py", bad: "@pytest.mark.skip", good: "@pytest.mark.skipif(x)" },
  { rule: noTodo, path: "a.ts", bad: "// TODO later", good: "const todos = 1;" },
  { rule: shortFiles, path: "a.ts", bad: "x\n".repeat(400), good: "x\n".repeat(100) },
  {
    rule: documentsNameRealFiles,
    path: "docs/a.md",
    bad: "[x](../b.md)",
    good: "[x](a.md) [y](https://z) `docs/a.md`",
  },
  { rule: documentsNameRealFiles, path: "a.md", bad: "`libs/x/src/y.ts`", good: "`libs/…/y.ts`" },
  { rule: exactVersions, path: "package.json", bad: manifest({ a: "^1.0.0" }), good: manifest({ a: "1.0.0" }) },
];

describe("repository rules", () => {
  test.each(cases)("$rule.name: $bad", ({ rule, path, bad, good }) => {
    expect(rule.find([{ path, text: bad }])).toHaveLength(1);
    expect(rule.find([{ path, text: good }])).toEqual([]);
  });

  test("a library has one version in all packages", () => {
    const files = ["1.0.0", "1.0.1"].map((a, i) => ({ path: `libs/${i}/package.json`, text: manifest({ a }) }));
    expect(exactVersions.find(files)).toEqual([
      { path: "libs/1/package.json", line: 0, message: "a is 1.0.1 here and 1.0.0 in libs/0/package.json" },
    ]);
  });

  test("the pinned Node is the installed one", () => {
    const pins = { path: "tools/setup/versions.json", text: `{ "node": "24.1.0" }` };
    const root = (node: string) => ({ path: "package.json", text: JSON.stringify({ devDependencies: { node } }) });
    expect(oneNode.find([pins, root("24.1.0")])).toEqual([]);
    expect(oneNode.find([pins, root("24.2.0")])).toHaveLength(1);
  });
});
