/** Rules about versions: each is exact, stands once, and means the same everywhere. */
import { z } from "zod";
import type { Finding, RepositoryFile, Rule } from "./rule.ts";

const manifestSchema = z.object({
  dependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.record(z.string(), z.string()).optional(),
});
const pinsSchema = z.object({ node: z.string() });

interface Dependency {
  path: string;
  name: string;
  version: string;
}

/** Dependencies have exact versions, the same in every package. */
export const exactVersions: Rule = {
  name: "exact versions",
  severity: "error",
  find: (files) => {
    const all = files.filter((file) => /(^|\/)package\.json$/.test(file.path)).flatMap(dependenciesOf);
    const first = new Map<string, Dependency>();
    return all.flatMap((dependency): Finding[] => {
      const { path, name, version } = dependency;
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
        return [{ path, line: 0, message: `${name} has the version "${version}", which is not exact` }];
      }
      const other = first.get(name) ?? dependency;
      first.set(name, other);
      if (other.version === version) return [];
      return [{ path, line: 0, message: `${name} is ${version} here and ${other.version} in ${other.path}` }];
    });
  },
};

function dependenciesOf(file: RepositoryFile): Dependency[] {
  const manifest = manifestSchema.parse(JSON.parse(file.text));
  return Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).map(([name, version]) => ({
    path: file.path,
    name,
    version,
  }));
}

/** The pinned Node of the set-up is the one npm installs. */
export const oneNode: Rule = {
  name: "one Node version",
  severity: "error",
  find: (files) => {
    const read = (path: string): unknown => JSON.parse(files.find((file) => file.path === path)?.text ?? "{}");
    const pinned = pinsSchema.parse(read("tools/setup/versions.json")).node;
    const installed = manifestSchema.parse(read("package.json")).devDependencies?.["node"];
    if (pinned === installed) return [];
    const message = `pins Node ${pinned}, package.json installs ${installed ?? "none"}`;
    return [{ path: "tools/setup/versions.json", line: 0, message }];
  },
};
