/** Rules that keep the repository free of the machine it was written on. */
import type { Finding, RepositoryFile, Rule } from "./rule.ts";
import { findLines } from "./rule.ts";

// Homes of the people and machines that build, as opposed to the made-up ones that tests and documents use.
const machinePath = /(?<![\w.])\/(work\/(main|shared)|root\/\.|home\/(?!(user|alice|bob|me)\b)[a-z]\w*\/)/;

/** No absolute path of somebody's machine. */
export const noMachinePaths: Rule = {
  name: "no machine paths",
  severity: "error",
  find: (files) =>
    findLines(files, {
      wanted: (path) => !path.startsWith("tools/checks/"),
      pattern: machinePath,
      message: "names a folder of one machine; derive it or take it from the configuration",
    }),
};

/** No address of a package registry, public or private: which one serves is the machine's business. */
export function noRegistryHosts(hostsHere: readonly string[]): Rule {
  const always = [
    "registry.npm" + "js.org",
    "registry.yarn" + "pkg.com",
    "pypi.org/" + "simple",
    "proxy.golang" + ".org",
  ];
  const hosts = [...new Set([...always, ...hostsHere])].map((host) => host.replaceAll(".", "\\."));
  return {
    name: "no registry hosts",
    severity: "error",
    find: (files) =>
      findLines(files, {
        wanted: () => true,
        pattern: new RegExp(hosts.join("|"), "i"),
        message: "names a package registry; leave it to the machine's own configuration",
      }),
  };
}

/** The lock file says what, never whence. */
export const lockWithoutAddresses: Rule = {
  name: "lock file without download addresses",
  severity: "error",
  find: (files) =>
    findLines(files, {
      wanted: (path) => path.endsWith("package-lock.json"),
      pattern: /"resolved":\s*"(https?|git|ssh)[+:]/,
      message: "holds a download address; .npmrc should say omit-lockfile-registry-resolved=true",
    }),
};

/** Paths that documents name in links and code spans exist. */
export const documentsNameRealFiles: Rule = {
  name: "documents name real files",
  severity: "error",
  find: (files) => {
    const known = new Set(files.flatMap((file) => withFolders(file.path)));
    return files.filter((file) => file.path.endsWith(".md")).flatMap((file) => deadNames(file, known));
  },
};

function deadNames(document: RepositoryFile, known: ReadonlySet<string>): Finding[] {
  const folder = document.path.split("/").slice(0, -1);
  return document.text.split("\n").flatMap((line, index) => {
    const links = [...line.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)].map((match) => resolve(folder, match[1] ?? ""));
    const spans = [...line.matchAll(/`((?:apps|libs|tools|proto|docs|examples|bench)\/[\w./-]+\.\w+)`/g)].map(
      (match) => match[1] ?? "",
    );
    return [...links, ...spans]
      .filter((name) => name !== "" && !known.has(name))
      .map((name) => ({ path: document.path, line: index + 1, message: `names ${name}, which does not exist` }));
  });
}

function resolve(folder: readonly string[], link: string): string {
  const parts = [...folder];
  for (const part of link.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

function withFolders(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_part, index) => parts.slice(0, index + 1).join("/"));
}
