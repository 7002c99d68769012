/** The repository's own rules, those no linter knows. Exit code 1 when one is broken; hints do not count. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@spell/testing";
import { projectFiles } from "../test/selection.ts";
import { noDisabledTests, noTodo, openingComment, shortFiles } from "./finished.ts";
import { documentsNameRealFiles, lockWithoutAddresses, noMachinePaths, noRegistryHosts } from "./portable.ts";
import type { RepositoryFile, Rule } from "./rule.ts";
import { exactVersions, oneNode } from "./versions.ts";

/** Registries this machine is configured for; none of them may stand in a file. */
function registryHostsHere(): string[] {
  const questions: [string, string[]][] = [
    ["npm", ["config", "get", "registry"]],
    ["python3", ["-m", "pip", "config", "get", "global.index-url"]],
    ["go", ["env", "GOPROXY"]],
  ];
  const settings = questions.map(([command, args]) => {
    try {
      return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    } catch {
      return ""; // Not installed or not configured.
    }
  });
  const urls = [...settings, process.env["PIP_INDEX_URL"] ?? "", process.env["npm_config_registry"] ?? ""];
  return urls.flatMap((text) => [...text.matchAll(/:\/\/(?:[^@/\s]*@)?([^/:,|\s]+)/g)].map((match) => match[1] ?? ""));
}

function readText(path: string): RepositoryFile[] {
  const bytes = readFileSync(join(repositoryRoot, path));
  return bytes.includes(0) ? [] : [{ path, text: bytes.toString() }];
}

const rules: readonly Rule[] = [
  noMachinePaths,
  noRegistryHosts(registryHostsHere()),
  lockWithoutAddresses,
  documentsNameRealFiles,
  noDisabledTests,
  noTodo,
  exactVersions,
  oneNode,
  shortFiles,
  openingComment,
];

const files = projectFiles().flatMap(readText);
for (const rule of rules) {
  for (const { path, line, message } of rule.find(files)) {
    console.log(`${rule.severity} ${path}${line === 0 ? "" : `:${line}`} ${message} (${rule.name})`);
    if (rule.severity === "error") process.exitCode = 1;
  }
}
